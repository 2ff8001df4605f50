"""From rows to answers (one row, a frame, a file), and why: reasons, explanation, trace, counterfactuals."""
