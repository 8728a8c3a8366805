"""A person's consent to a model that passed the gate: who is asked, until when, and what they said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Required(StrEnum):
    ALWAYS = "Always"
    NEVER = "Never"


class ApprovedBy(StrEnum):
    """`NOT_REQUESTER`: not by whoever started the run by hand."""

    ANYONE = "Anyone"
    NOT_REQUESTER = "NotRequester"


@dataclass(frozen=True)
class Approval:
    required: Required = Required.NEVER
    expires_after: timedelta = timedelta(hours=72)
    by: ApprovedBy = ApprovedBy.ANYONE


NOBODY_IS_ASKED = Approval()


@dataclass(frozen=True)
class ApprovalStatus:
    """What was asked, and the answer. `binding` is a hash of the model, its evaluation and the gate, which the answer
    has to name: consent to one model under one gate is no consent to another. `command` is the id of the newest answer,
    and `message` says why that one did not count. `outcome` is Approved, Denied or Expired, "" while it is open."""

    binding: str
    digest: str
    requested_at: datetime
    expires_at: datetime
    outcome: str = ""
    by: str = ""
    at: datetime | None = None
    command: str = ""
    message: str = ""
