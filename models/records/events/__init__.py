"""Events: stored with their answers, read by windows, and labelled as their outcomes become known."""
