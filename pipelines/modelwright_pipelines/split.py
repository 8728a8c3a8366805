"""Splits rows by time: the older part trains, the newest part judges, and nothing leaks from one to the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelwright_pipelines.lake import Row

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class SplitError(Exception):
    """The rows cannot be split as asked: the message says what was found and what is needed."""


@dataclass(frozen=True)
class Split:
    """`evaluate` begins at least one label horizon after `train` ends; rows in that gap belong to neither."""

    train: tuple[Row, ...]
    evaluate: tuple[Row, ...]


def parse_duration(text: str) -> timedelta:
    """A duration such as "2s", "90m" or "1h30m"; SplitError if it is none."""
    found = _DURATION.findall(text)
    if not found or "".join(amount + unit for amount, unit in found) != text:
        raise SplitError(f"found the duration {text!r}, need one such as 2s, 90m or 1h30m")
    return timedelta(**{_UNITS[unit]: sum(int(n) for n, u in found if u == unit) for _, unit in found})


def by_time(
    rows: Sequence[Row], horizon: timedelta, evaluate_share: float = 0.3, min_train: int = 200, min_evaluate: int = 100
) -> Split:
    """Splits rows that are sorted by time; about `evaluate_share` of them judge.

    A prediction's label is known only `horizon` later, so a row in the gap could have been trained on with a label that
    nobody had yet. Raises SplitError if a part has fewer rows than its minimum.
    """
    cut = len(rows) - round(len(rows) * evaluate_share)
    train = rows[:cut]
    start = train[-1].time + horizon if train else None
    trained = {row.entity for row in train}
    evaluate = [row for row in rows[cut:] if start is not None and row.time >= start and row.entity not in trained]
    if len(train) < min_train or len(evaluate) < min_evaluate:
        raise SplitError(
            f"found {len(train)} rows to train on and {len(evaluate)} to judge by after a gap of "
            f"{horizon.total_seconds():g} s, need at least {min_train} and {min_evaluate}"
        )
    return Split(tuple(train), tuple(evaluate))


def since_training(rows: Sequence[Row], until: datetime, horizon: timedelta, min_evaluate: int = 100) -> Split:
    """Splits rows that are sorted by time at the end of a model's own training rows, to judge that model again.

    Raises SplitError if its training rows are not among them, or too few came since.
    """
    train = tuple(row for row in rows if row.time <= until)
    trained = {row.entity for row in train}
    evaluate = tuple(row for row in rows if row.time >= until + horizon and row.entity not in trained)
    if not train or len(evaluate) < min_evaluate:
        raise SplitError(
            f"found {len(train)} rows up to the model's newest training row and {len(evaluate)} since it, "
            f"need its training rows and at least {min_evaluate} to judge by"
        )
    return Split(train, evaluate)
