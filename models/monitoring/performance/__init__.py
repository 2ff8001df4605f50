"""Outcomes: what became of what was predicted, and how good the predictions were by it."""
