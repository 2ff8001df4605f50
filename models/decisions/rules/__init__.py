"""Rules beside the model."""
