"""What a webhook still has to be told of a rollout: kept in its status until the webhook has taken note."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Untold:
    """`body` is the JSON that `webhook` gets, with the same `id` each time. `at` is when it happened."""

    webhook: str
    id: str
    body: str
    at: datetime
