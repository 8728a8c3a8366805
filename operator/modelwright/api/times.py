"""Points in time as Kubernetes writes them: RFC 3339 in UTC, "2026-11-21T08:14:05Z"."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime:
    """The time that `text` names, in UTC. Raises ValueError where it is none, or has no offset."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ValueError(f"must be a time such as '2026-11-21T08:14:05Z', found {text!r}")
    return time.astimezone(UTC)


def format_time(time: datetime) -> str:
    """RFC 3339 with a fraction only where there is one: what is written must read back equal.

    Raises ValueError for a time without a zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
