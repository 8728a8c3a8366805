"""How much a receiver takes in: a bucket that fills evenly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class Bucket:
    """Lets `per_minute` through in a minute, as many at once; a request costs one, however much it says."""

    per_minute: int
    filled_at: datetime | None = None
    left: float = field(default=0.0)

    def take(self, now: datetime) -> timedelta:
        """Zero where one may pass, else how long to wait for the next."""
        passed = (now - self.filled_at) / timedelta(minutes=1) if self.filled_at else 1.0
        self.left = min(float(self.per_minute), self.left + max(0.0, passed) * self.per_minute)
        self.filled_at = now
        if self.left < 1:
            return timedelta(minutes=1) * ((1 - self.left) / self.per_minute)
        self.left -= 1
        return timedelta(0)
