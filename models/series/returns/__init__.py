"""Quantiles of the returns of one market: value at risk a day, a week and two weeks ahead.

Read it in this order: `market_days`, `inputs`, `tracking`, `forecaster`.
"""
