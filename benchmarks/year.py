"""Lives whole years of policies through the planner and writes what came of them into docs/retraining.md.

.venv/bin/python -m benchmarks.year              the year of the page, some ten minutes on one core
.venv/bin/python -m benchmarks.year --days 60    shorter, printed and not written
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.retraining.builders import METRIC, policy
from tests.retraining.year import HOUR, Year
from tests.retraining.year_of_slots import Slots

from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits, OnRejected
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Trigger

PAGE = Path(__file__).resolve().parents[1] / "docs" / "retraining.md"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, MONTH = timedelta(days=1), 30.4
OFFICE = Blackout(Cron("0 8 * * 1-5", "Europe/Berlin"), 10 * HOUR)
BEGIN, END = "<!-- a year: begin -->\n", "<!-- a year: end -->\n"


def main() -> int:
    """Live the years, print the table, and write it if it is of the whole year."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--days", type=int, default=365)
    asked = parser.parse_args()
    os.nice(10)
    lines = ["| labels an hour | fires by | false triggers a month, healthy | a decline of 8 points is seen after |"]
    lines += ["|---|---|---|---|"]
    for labels in (20, 60, 240):
        for confidence, name in (("0.5", "the number itself"), ("0.99", "its bound, `confidence` 0.99")):
            line = f"| {labels} | {name} | {_false(labels, confidence, asked.days)} | {_seen(labels, confidence)} |"
            print(line, flush=True)
            lines.append(line)
    table = "\n".join([*lines, "", _persisting(asked.days), "", *_slots(asked.days)])
    print(table)
    if asked.days == parser.get_default("days"):
        text = PAGE.read_text()
        inside = re.escape(BEGIN) + r".*" + re.escape(END)
        PAGE.write_text(re.sub(inside, lambda _: f"{BEGIN}{table}\n{END}", text, flags=re.DOTALL))
    return 0


def watching(confidence: str, **spec: object) -> RetrainPolicy:
    assert METRIC.proportion is not None
    window = replace(METRIC.proportion, window=24 * HOUR)
    metric = replace(METRIC, confidence=Decimal(confidence), min_samples=200, hold=HOUR, proportion=window)
    limits = Limits(cooldown=6 * HOUR, blackouts=(OFFICE,))
    return policy(**{"triggers": (Trigger("accuracy", metric),), "limits": limits, **spec})


def _false(labels: int, confidence: str, days: int) -> str:
    year = Year(watching(confidence), START, labels_per_hour=labels, accuracy=0.905)
    year.live(days)
    return f"{len(year.created) / days * MONTH:.1f}"


def _seen(labels: int, confidence: str) -> str:
    begun = START + 10 * DAY
    year = Year(watching(confidence), START, labels_per_hour=labels, decline=(begun, START + 99 * DAY))
    year.live(14)
    seen = (run.created_at for run in year.created.values() if run.created_at and run.created_at >= begun)
    at = next(seen, None)
    return f"{(at - begun) / HOUR:.0f} h" if at else "not within four days"


def _persisting(days: int) -> str:
    rests = OnRejected(backoff=DAY, double_up_to=7 * DAY)
    year = Year(watching("0.99", on_rejected=rests), START, decline=(START + 30 * DAY, START + (days - 30) * DAY))
    year.live(days)
    created = [run.created_at or START for run in year.created.values()]
    ends = list(year.ended.values())
    gaps = [(later - end) / DAY for end, later in zip(ends, created[1:], strict=False)]
    exact = {f"{gap:.6f}".rstrip("0").rstrip(".") for gap in gaps}
    before = sum(at < START + 30 * DAY for at in created)
    after = sum(at > START + (days - 28) * DAY for at in created)
    gaps_told = ", ".join(sorted(exact, key=float))
    return (
        f"A decline that lasts from day 30 to day {days - 30}, in which every run is rejected (`backoff: 24h, "
        f"doubleUpTo: 168h`): {len(created)} runs, {before} before it and {after} later than two days after it. Days "
        f"from the end of one run to the next: {gaps_told}. Runs that could have been launched a second before: "
        f"{len(year.late)}."
    )


def _slots(days: int) -> Iterator[str]:
    yield (
        "| slots | in the year | runs | launched as a cooldown, a blackout, a budget ended | stopped as a budget ended "
        "| breaches |"
    )
    yield "|---|---|---|---|---|---|"
    for slots in (Slots("Europe/Berlin"), Slots("America/New_York", hours=(1, 19)), Slots("Australia/Lord_Howe", 15)):
        kept = slots.kept(slots.lived(START, days), START, days)
        at = " and ".join(f"{hour}:{slots.minute}" for hour in slots.hours)
        waited = ", ".join(str(kept.waited[reason]) for reason in ("Cooldown", "Blackout", "Budget"))
        told = "; ".join(kept.breaches) or "0"
        yield f"| {at} in {slots.zone} | {kept.slots} | {kept.launched} | {waited} | {kept.cut} | {told} |"


if __name__ == "__main__":
    sys.exit(main())
