"""What a monitoring system reads at GET /metrics: counters, histograms and gauges of every worker, added up.

Names begin with `backscore_` (what the process itself uses: `process_`), units are base units, and every label has few
values: endpoints are kinds of routes, models are those that are live, never what a caller typed.
"""
