"""Tables and where rows come from: descriptions, checks, sources, splits, simulators. Imports nothing of ours."""
