"""From a checked request to a recorded answer."""
