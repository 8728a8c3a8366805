"""Durations as Gateway API writes them (GEP-2257): "90s", "1h30m", "250ms"."""

from __future__ import annotations

import re
from datetime import timedelta

# Kept equal to the `pattern` of every duration in crds/ by tests/contract.
PATTERN = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"

_WHOLE = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+)(ms|h|m|s)")
_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}

LONGEST = timedelta(hours=100_000) - timedelta(milliseconds=1)


def parse_duration(text: str) -> timedelta:
    """The timedelta that `text` names. Raises ValueError where it is not of the form."""
    # TRAP: `$` in PATTERN also matches before a final newline, hence fullmatch.
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"must be a duration such as '90s', '5m' or '1h30m', found {text!r}")
    return sum((int(number) * _UNITS[unit] for number, unit in _PART.findall(text)), timedelta())


def format_duration(duration: timedelta) -> str:
    """The shortest form, largest unit first, to the millisecond (the rest is cut off).

    Raises ValueError for what the form cannot say: negative durations, and 100,000 hours or more.
    """
    if not timedelta(0) <= duration <= LONGEST:
        raise ValueError(f"durations are between 0s and 99999h, found {duration}")
    parts = []
    for unit, length in _UNITS.items():
        count, duration = divmod(duration, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
