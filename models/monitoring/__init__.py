"""How a live model does: performance, drift, and whether a challenger is better."""
