"""The server process around the application: connections, background tasks, shutdown."""
