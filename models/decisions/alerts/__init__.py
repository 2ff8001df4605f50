"""Alerting: what alerts find day by day, which cut-offs a budget of reviews allows, and when labels count.

A reviewer looks at a subject (a card, an account), not at a transaction: a subject is alerted at most once a day,
however many of its transactions are suspicious, and its score of the day is the highest among them.
"""
