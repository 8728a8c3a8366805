"""What plans ask of a registry, and what they are told. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

POOL = "registry/"


@dataclass(frozen=True)
class AliasQuestion:
    """Which version of `model` has `alias`?"""

    registry: str
    model: str
    alias: str
    interval: timedelta

    @property
    def pool(self) -> str:
        return POOL + self.registry

    @property
    def every(self) -> timedelta | None:
        return self.interval


@dataclass(frozen=True)
class RegisteredVersion:
    """`uri` is where the files are; `digest` is "" where no tag of the version states it."""

    version: str
    uri: str
    digest: str = ""


@dataclass(frozen=True)
class NoVersion:
    """Why there is none: NoRegisteredModel, RegistryForbidden or RegistryUnavailable. The message is for people."""

    reason: str
    message: str
