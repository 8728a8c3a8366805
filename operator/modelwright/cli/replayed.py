"""Draws what a replay found: the story of one policy, or many side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from modelwright.simulation.replay import Replayed

SHOWN = 40
MONTH = timedelta(days=30)

Cost = tuple[Decimal, str] | None


def story(replayed: Replayed, cost: Cost) -> Iterator[Any]:
    """One policy: each firing, then what held it back and how its metrics stood."""
    if replayed.stalled:
        yield Text(f"The policy cannot work as written: {replayed.stalled}", style="bold red")
    yield Text.assemble(
        (f"{len(replayed.fired)} runs", "bold"),
        f" from {replayed.start:%Y-%m-%d %H:%M} to {replayed.end:%Y-%m-%d %H:%M} UTC, {replayed.launches} launched"
        f"{_spent(replayed, cost, ', which would have cost ')}",
    )
    if replayed.fired:
        yield _firings(replayed)
    times = _table("TRIGGER", "BEYOND BOUNDS", "SURELY", "UNKNOWN")
    for name in replayed.beyond:
        times.add_row(name, *(days(each.get(name)) for each in (replayed.beyond, replayed.sure, replayed.unknown)))
    if replayed.beyond:
        yield times
    if held := held_back(replayed):
        yield Text(f"Held back: {held}")


def comparison(found: Sequence[tuple[str, Replayed]], cost: Cost) -> Table:
    """Many policies, one line each."""
    drawn = _table("SETTING", "RUNS", "A MONTH", "FIRST", "LAST", "BEYOND BOUNDS", "SURELY", "HELD BACK", "COST")
    for name, replayed in found:
        monthly = replayed.launches * MONTH / max(replayed.end - replayed.start, timedelta(seconds=1))
        first, last = (f"{replayed.fired[at].at:%m-%d %H:%M}" if replayed.fired else "-" for at in (0, -1))
        drawn.add_row(
            Text(name, style="bold"),
            str(replayed.launches),
            f"{monthly:.1f}",
            first,
            last,
            _of_all(replayed.beyond),
            _of_all(replayed.sure),
            held_back(replayed) or "-",
            _spent(replayed, cost) or "-",
        )
    return drawn


def held_back(replayed: Replayed) -> str:
    """The limits that held something back, the longest first."""
    held = sorted(replayed.held.items(), key=lambda item: -item[1])
    return ", ".join(f"{reason} {days(time)}" for reason, time in held if time)


def days(time: timedelta | None) -> str:
    """In the unit that says it shortest: days, hours or minutes."""
    if not time:
        return "-"
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
        if time >= length:
            return f"{time / length:.1f} {unit}"
    return f"{time / timedelta(minutes=1):.0f} min"


def _firings(replayed: Replayed) -> Table:
    drawn = _table("FIRED (UTC)", "LAUNCHED", "BECAUSE")
    for fired in replayed.fired[:SHOWN]:
        waited = fired.launched_at - fired.at if fired.launched_at else None
        launched = "not yet" if waited is None else (f"{days(waited)} later" if waited else "at once")
        drawn.add_row(f"{fired.at:%Y-%m-%d %H:%M}", launched, Text(fired.why))
    if len(replayed.fired) > SHOWN:
        drawn.add_row(f"and {len(replayed.fired) - SHOWN} more", "", "")
    return drawn


def _table(*columns: str) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    return drawn


def _of_all(times: Mapping[str, timedelta]) -> str:
    if len(times) == 1:
        return days(next(iter(times.values())))
    return ", ".join(f"{name} {days(time)}" for name, time in times.items() if time) or "-"


def _spent(replayed: Replayed, cost: Cost, before: str = "") -> str:
    if cost is None:
        return f"{before}{replayed.cost}" if replayed.cost else ""
    amount, currency = cost
    return f"{before}{amount * replayed.launches:f} {currency}".rstrip()
