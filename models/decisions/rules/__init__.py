"""Rules beside the model: conditions, hits, files and wording."""
