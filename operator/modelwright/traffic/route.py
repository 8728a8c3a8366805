"""What every router reads back: live weights, whether they are accepted, and who changed them last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RouteSeen:
    """The route read back. `accepted` is None while a parent has not answered for the current generation."""

    stable_weight: int
    candidate_weight: int
    resource_version: str
    accepted: bool | None
    message: str = ""
    changed_by: str = ""  # the field manager of the newest change, "" where that was us
    as_wanted: bool = True  # all but the weights is what we would write
    silent: tuple[str, ...] = ()  # parents for which nobody has ever answered, at any generation
    written_at: datetime | None = None  # the newest change of its spec, by the API server's clock
