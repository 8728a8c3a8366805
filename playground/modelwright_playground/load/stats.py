"""What the clients saw, per model version: in all, in the last seconds, and second by second for the demo's picture.

Time is an argument (seconds since the epoch). Events are booked in the second in which they become known, so that a
past second never changes: an answer when it comes, right or wrong when the label is known too.
"""

from collections import Counter, deque
from dataclasses import asdict, dataclass, field

UNKNOWN = "unknown"
"""The version of answers that name none, such as a gateway's own errors or time-outs."""
RECENT_SECONDS = 5
SERIES_SECONDS = 3600
LATENCIES = 2000


@dataclass
class Seen:
    """Counts of one version: `ok` + `failed` answers; `correct` + `wrong` never exceed `ok`."""

    ok: int = 0
    failed: int = 0
    correct: int = 0
    wrong: int = 0

    def add(self, other: "Seen") -> None:
        """Add another's counts to these."""
        self.ok += other.ok
        self.failed += other.failed
        self.correct += other.correct
        self.wrong += other.wrong


@dataclass
class Second:
    """All that became known within one second."""

    at: int
    sent: int = 0
    skipped: int = 0
    failed_by: Counter[str] = field(default_factory=Counter)
    versions: dict[str, Seen] = field(default_factory=dict)

    def version(self, name: str) -> Seen:
        """The counts of a version, from 0."""
        return self.versions.setdefault(name, Seen())

    def add(self, other: "Second") -> None:
        """Add another second's counts to these."""
        self.sent += other.sent
        self.skipped += other.skipped
        self.failed_by.update(other.failed_by)
        for name, seen in other.versions.items():
            self.version(name).add(seen)

    def report(self) -> dict[str, object]:
        """Counts as JSON; a version's `sent` are answered requests: before the answer nobody knows whose they are."""
        versions = {
            name: {
                "sent": seen.ok + seen.failed,
                **asdict(seen),
                "accuracy": seen.correct / (seen.correct + seen.wrong) if seen.correct + seen.wrong else None,
            }
            for name, seen in sorted(self.versions.items())
        }
        return {
            "sent": self.sent,
            "ok": sum(seen.ok for seen in self.versions.values()),
            "failed": sum(seen.failed for seen in self.versions.values()),
            "failedBy": dict(sorted(self.failed_by.items())),
            "skipped": self.skipped,
            "versions": versions,
        }


class Stats:
    """Everything seen since the start; seconds older than an hour remain only in the total."""

    def __init__(self) -> None:
        self._total = Second(0)
        self._seconds: deque[Second] = deque(maxlen=SERIES_SECONDS)
        self._latencies: deque[float] = deque(maxlen=LATENCIES)

    def sent(self, now: float) -> None:
        """A request left."""
        for second in self._books(now):
            second.sent += 1

    def skipped(self, now: float, count: int = 1) -> None:
        """Requests were due but not sent, because too many were in flight."""
        for second in self._books(now):
            second.skipped += count

    def answered(self, now: float, version: str, seconds: float) -> None:
        """A prediction came back after so many seconds."""
        self._latencies.append(seconds)
        for second in self._books(now):
            second.version(version).ok += 1

    def failed(self, now: float, version: str, reason: str) -> None:
        """A request failed; `reason` is the HTTP code, `timeout`, `connection` or `answer`."""
        for second in self._books(now):
            second.version(version).failed += 1
            second.failed_by[reason] += 1

    def judged(self, now: float, version: str, correct: bool) -> None:
        """Both the prediction and the label of a row are known."""
        for second in self._books(now):
            seen = second.version(version)
            seen.correct += correct
            seen.wrong += not correct

    def report(self, now: float) -> dict[str, object]:
        """`total`, `recent` (the last RECENT_SECONDS whole seconds), `series` (oldest second first) and `latencyMs`
        (of the last LATENCIES predictions; empty before the first)."""
        recent = Second(0)
        for second in self._seconds:
            if int(now) - RECENT_SECONDS <= second.at < int(now):
                recent.add(second)
        total = self._total.report()
        answered = sum(seen.ok + seen.failed for seen in self._total.versions.values())
        return {
            "total": {**total, "inFlight": self._total.sent - answered},
            "recent": {"seconds": RECENT_SECONDS, **recent.report()},
            "latencyMs": self._quantiles(),
            "series": [
                {"t": second.at, "versions": {name: asdict(seen) for name, seen in second.versions.items()}}
                for second in self._seconds
            ],
        }

    def _quantiles(self) -> dict[str, float]:
        ordered = sorted(self._latencies)
        percents = (50, 95, 99) if ordered else ()
        return {f"p{each}": round(1000 * ordered[each * len(ordered) // 100], 2) for each in percents}

    def _books(self, now: float) -> tuple[Second, Second]:
        at = int(now)
        # A clock that is set back must not open a past second again: what comes then belongs to the newest.
        if not self._seconds or at > self._seconds[-1].at:
            self._seconds.append(Second(at))
        return self._total, self._seconds[-1]
