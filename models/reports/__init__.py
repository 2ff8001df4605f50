"""Documents about a model: training report, model card, and the off-policy report of ads."""
