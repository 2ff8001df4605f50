"""Records of the service: answered predictions, events with labels, outcomes."""
