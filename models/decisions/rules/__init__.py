"""Rules on top of the model: conditions, hits, files and wording."""
