"""Inference of a first table description from a file."""
