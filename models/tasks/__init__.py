"""Prediction tasks and their metrics, losses, baselines and outcomes; one file per task."""
