"""The parts of a training job: rows, fit, refine, judge."""
