"""How short a window over counters may be. Pure."""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.durations import format_duration
from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import MetricSource

SCRAPES = 4
"""So many scrape intervals are the shortest window: one scrape may be late, one be missed, two make a difference."""


def check_window(window: timedelta, source: MetricSource, path: str = "") -> None:
    """Raises InvalidSpec at `path` for a window that is too short for the scrape interval of `source`."""
    shortest = SCRAPES * source.scrape_interval
    if window < shortest:
        message = (
            f"must be at least four scrape intervals of metric source {source.name!r}, {format_duration(shortest)}; "
            f"found {format_duration(window)}"
        )
        raise InvalidSpec(path, message)
