"""How good a model is, and for whom: metrics, intervals, baselines, diagnostics."""
