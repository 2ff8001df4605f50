"""A small network on points of a plane, trained step by step for display; `models.nn` does the computations."""
