"""Backtests on past rows: policies, rules, alerts, and off-policy evaluation of ad selection."""
