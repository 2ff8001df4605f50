"""The audit log: every answered prediction, how it was made, and its replay."""
