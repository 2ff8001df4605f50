"""Tables whose rows are values of series: their settings, their periods, and one tidy history for each series."""
