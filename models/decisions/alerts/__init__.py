"""Alerting: what alerts on cards find day by day, which cut-offs a budget of reviews allows, and when labels count.

A person looks at a card, not at a transaction: a card is alerted at most once a day, however many of its transactions
are suspicious, and its score of the day is the highest among them.
"""
