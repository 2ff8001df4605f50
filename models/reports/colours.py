"""Colours of lines and bars, readable on white and on black."""

from __future__ import annotations

OURS, NEUTRAL, EVENT = "#3b82c4", "#8a8f98", "#d9742b"
