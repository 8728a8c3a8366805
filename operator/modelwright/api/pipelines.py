"""The pipeline of a policy as frozen types: which one, where, with what, and what a run of it may use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Caching(StrEnum):
    """`AS_COMPILED` is what the author of the pipeline chose, which is on unless said otherwise."""

    AS_COMPILED = "AsCompiled"
    DISABLED = "Disabled"


class Spot(StrEnum):
    PREFERRED = "Preferred"
    REQUIRED = "Required"
    NEVER = "Never"


@dataclass(frozen=True)
class Parameter:
    """A pipeline parameter: a literal `value`, or taken from `trigger` (windowStart, firedAt, value), from `champion`
    (uri, digest, version), or the name of a `secret` that the pipeline reads by itself. Exactly one is set; the
    pipeline's own declaration gives the type."""

    name: str
    value: str | None = None
    trigger: str | None = None
    champion: str | None = None
    secret: str | None = None  # spec: valueFrom.secretRef.name


@dataclass(frozen=True)
class Package:
    """A compiled pipeline: in `key` of a ConfigMap of the namespace, or at a URI that the platform allows. One is set.

    In a run `digest` is that of what was launched.
    """

    config_map: str = ""
    key: str = "pipeline.yaml"
    uri: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Gpu:
    type: str
    count: int = 1


@dataclass(frozen=True)
class Resources:
    """What a run of the pipeline asks for: passed on to it as parameters, and what its budget is reckoned by."""

    gpu: Gpu | None = None
    node_pool: str = ""
    spot: Spot | None = None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline by name on a server that the platform configured, or a `package` that is brought along (`name` is ""
    then). `version` "" means the newest. `retries` is how often a failed run goes on from its failed tasks."""

    name: str = ""
    server: str = "default"
    version: str = ""
    experiment: str = ""
    timeout: timedelta = timedelta(hours=8)
    parameters: tuple[Parameter, ...] = ()
    package: Package | None = None
    service_account: str = ""
    pipeline_root: str = ""
    caching: Caching = Caching.AS_COMPILED
    retries: int = 0
    resources: Resources = Resources()

    @property
    def title(self) -> str:
        """What people call it."""
        if self.package is None:
            return self.name
        return self.package.uri or f"ConfigMap {self.package.config_map}"
