"""Everything that learns or decides, from the network to the retraining job. May import `data`."""
