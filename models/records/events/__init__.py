"""Events: stored with their answers, read by windows, labelled when their outcomes become known."""
