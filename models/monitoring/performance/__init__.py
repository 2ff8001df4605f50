"""Live performance: observed from outcomes, and expected from the probabilities alone."""
