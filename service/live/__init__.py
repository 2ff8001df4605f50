"""The versions that answer now."""
