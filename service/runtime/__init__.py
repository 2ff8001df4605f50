"""The process around the application."""
