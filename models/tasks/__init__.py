"""Tasks: what can be predicted, and all that follows from it: metrics, losses, baselines, outcomes. One file each."""
