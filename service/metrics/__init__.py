"""Prometheus metrics at GET /metrics: counters, histograms and gauges, added up over the workers.

Names begin with `backscore_` (those of the process: `process_`), and units are base units. Labels have low cardinality:
endpoints are kinds of routes and models are live ones, never text from a request.
"""
