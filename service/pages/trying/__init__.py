"""Trying out a model: its form, what is asked for it, and the answer as a person wants it.

A form asks what the API can be asked: `rank` where there are candidates, else `explain`, which answers a row as `score`
does, with all reasons, and neither stores an event nor opens an alert: who tries a card out must not change its past.
"""
