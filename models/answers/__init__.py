"""Answers to rows, frames and files, and their explanation: reasons, attribution, traces, counterfactuals."""
