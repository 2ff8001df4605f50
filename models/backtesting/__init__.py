"""What would have happened on past rows: policies, rules, alerts, the choice of ads."""
