"""The endpoints of the API under /v1 and /health, one file per subject."""
