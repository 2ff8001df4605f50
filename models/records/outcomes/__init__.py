"""Outcomes: what became of predictions and of events, in two ledgers with the same rules."""
