"""Policies: how cut-offs are chosen, what they would have done on past rows, and where they are stored."""
