"""From scores to decisions: cut-offs, alert budgets, rules. Independent of database and registry."""
