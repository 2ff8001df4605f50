"""Events: stored with their answers as they are asked about, looked back on by windows, labelled in time."""
