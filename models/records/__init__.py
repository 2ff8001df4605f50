"""What the service writes down: answered predictions, events with their labels, outcomes."""
