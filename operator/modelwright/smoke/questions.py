"""What plans ask of pods before they get traffic, and what they are told. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class SmokeQuestion:
    """Do the pods at `addresses` ("host:port") predict what the evaluation at `uri` says of `model`?

    `server` is the pipeline server below whose result root the evaluation lies, `digest` what it was judged by.
    """

    model: str
    revision: str
    server: str
    uri: str
    digest: str
    addresses: tuple[str, ...]

    @property
    def pool(self) -> str:
        return f"smoke/{self.server}"

    @property
    def every(self) -> timedelta | None:
        return timedelta(seconds=10)


@dataclass(frozen=True)
class Reproduced:
    """All pods asked said the same as the evaluation, for so many rows."""

    rows: int


@dataclass(frozen=True)
class Differs:
    """A pod said something else. The message is for people."""

    message: str


@dataclass(frozen=True)
class NotChecked:
    """Nobody knows yet. The message is for people, and holds nothing that a server said."""

    message: str


Smoke = Reproduced | Differs | NotChecked
