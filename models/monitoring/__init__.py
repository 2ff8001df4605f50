"""Monitoring of live models: performance, drift, and promotion tests of challengers."""
