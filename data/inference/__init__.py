"""A first description of a file that nobody described."""
