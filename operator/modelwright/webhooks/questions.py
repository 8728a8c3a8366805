"""What webhooks are asked and told, and what comes of it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

ASK_AGAIN = timedelta(seconds=15)


class Moment(StrEnum):
    BEFORE_STEP = "BeforeStep"
    AFTER_STEP = "AfterStep"
    AFTER_ROLLOUT = "AfterRollout"


@dataclass(frozen=True)
class Call:
    """One call of `webhook`. `body` is the JSON that is sent, `id` the same for every repetition of the same call.

    Before a step it is a question, and asked until there is traffic; after it, and at the end of the
    rollout, the webhook is told until it answers.
    """

    webhook: str
    moment: Moment
    id: str
    body: str

    @property
    def pool(self) -> str:
        return f"webhook/{self.webhook}"

    @property
    def every(self) -> timedelta:
        return ASK_AGAIN


class Outcome(StrEnum):
    ALLOWED = "Allowed"  # or taken note of
    DENIED = "Denied"
    UNANSWERED = "Unanswered"


@dataclass(frozen=True)
class Heard:
    """The message is for people, and holds nothing that the webhook said."""

    outcome: Outcome
    message: str = ""
