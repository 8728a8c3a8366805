"""Publishing: the alias in a model registry that follows what was approved or promoted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PublishWhen(StrEnum):
    APPROVED = "Approved"
    PROMOTED = "Promoted"


@dataclass(frozen=True)
class Publish:
    """`model` is the registered model's name, "" for the policy's own."""

    alias: str
    registry: str = "default"
    model: str = ""
    when: PublishWhen = PublishWhen.PROMOTED


@dataclass(frozen=True)
class PublishedModel:
    """What the alias was last set to by us. `previous` is the version that it named before us, "" for none."""

    model: str
    alias: str
    version: str
    digest: str
    at: datetime
    previous: str = ""
