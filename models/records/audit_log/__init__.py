"""The audit log: every prediction that was answered, how it came about, and whether it would come about again."""
