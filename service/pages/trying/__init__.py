"""Scoring by hand: the form that a domain describes, filled in, and the request that it stands for."""
