"""Inference of an initial table description from a file."""
