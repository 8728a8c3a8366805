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
class NewestQuestion:
    """Which version of `model` is the newest one?"""

    registry: str
    model: str
    interval: timedelta

    @property
    def pool(self) -> str:
        return POOL + self.registry

    @property
    def every(self) -> timedelta | None:
        return self.interval


@dataclass(frozen=True)
class PublishQuestion:
    """See to it that `alias` of `model` names the version with `digest`, whose files are at `uri`.

    `version` is its number where it is known. `expected` is what the alias was last set to by us: another value is
    somebody's, and left alone unless `overwrite`.
    """

    registry: str
    model: str
    alias: str
    uri: str
    digest: str
    run: str
    version: str
    expected: str
    overwrite: bool
    interval: timedelta

    @property
    def pool(self) -> str:
        return POOL + self.registry

    @property
    def every(self) -> timedelta | None:
        return self.interval


@dataclass(frozen=True)
class PublishedVersion:
    """The alias names `version`; `before` is what it named when it was asked, "" for nothing."""

    version: str
    before: str


@dataclass(frozen=True)
class AliasTaken:
    """Somebody else set the alias to `version`, "" where they took it away."""

    version: str


@dataclass(frozen=True)
class RegisteredVersion:
    """`uri` is where the files are; `digest` is "" where no tag of the version states it."""

    version: str
    uri: str
    digest: str = ""


@dataclass(frozen=True)
class NoVersion:
    """Why there is none: NoRegisteredModel, RegistryForbidden, RegistryRefused or RegistryUnavailable.

    The message is for people.
    """

    reason: str
    message: str
