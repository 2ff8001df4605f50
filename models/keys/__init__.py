"""Keys: who may ask the service for what, how often, and until when."""
