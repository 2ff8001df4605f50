"""Alerts: day-by-day simulation, cut-offs for a review budget, and figures by matured labels.

A reviewer looks at a subject (a card, an account), not at a transaction: a subject is alerted at most once a day,
however many of its transactions are suspicious, and its score of the day is the highest among them.
"""
