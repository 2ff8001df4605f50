"""Model evaluation: metrics, intervals, baselines, off-policy estimates, diagnostics."""
