"""From scores to decisions: cut-offs, alert budgets, rules. Knows no database and no registry."""
