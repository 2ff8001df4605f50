"""The fixed endpoints, one file a subject."""
