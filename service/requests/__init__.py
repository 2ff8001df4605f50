"""Reading and validation of request bodies, and error responses."""
