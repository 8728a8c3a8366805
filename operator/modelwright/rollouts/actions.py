"""What a plan asks to be done to the cluster. Each action is safe to do twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.api.models import Model
from modelwright.api.rollout import Backend
from modelwright.cluster.keys import Kind
from modelwright.traffic.route import WriteRoute as WriteRoute


@dataclass(frozen=True)
class RecordRevision:
    """Keep model and template of `revision` as a ControllerRevision."""

    revision: str
    number: int
    model: Model
    template: Mapping[str, Any]
    port: str


@dataclass(frozen=True)
class RecordStable:
    """Keep that `backend` of an existing workload is stable, and serves `model`."""

    number: int
    model: Model
    backend: Backend


@dataclass(frozen=True)
class CreateDeployment:
    revision: str
    model: Model
    template: Mapping[str, Any]
    replicas: int


@dataclass(frozen=True)
class ScaleDeployment:
    name: str
    replicas: int


@dataclass(frozen=True)
class DeleteDeployment:
    name: str
    uid: str


@dataclass(frozen=True)
class PointService:
    """Make the stable or the candidate Service select `revision`."""

    role: str  # stable | candidate
    revision: str
    port: str


@dataclass(frozen=True)
class ReleaseRoute:
    """Take our entries out of the managed fields of a route that is somebody else's."""


@dataclass(frozen=True)
class PlaceModel:
    """Have KServe run `model` beside stable's, without traffic, on `replicas` pods where it counts them."""

    revision: str
    model: Model
    replicas: int


@dataclass(frozen=True)
class TakeModel:
    """Make the candidate, which has all traffic, what the InferenceService is."""


@dataclass(frozen=True)
class TidyModel:
    """Take back what a candidate without traffic left behind in the InferenceService."""


@dataclass(frozen=True)
class SetFinalizer:
    """Put the finalizer `name` on the rollout, or take it off where it is not `wanted`."""

    name: str
    wanted: bool


@dataclass(frozen=True)
class ForgetRevision:
    revision: str


@dataclass(frozen=True)
class Adopt:
    """Make an object ours again that a rollout of the same name left behind."""

    kind: Kind
    name: str


Action = (
    Adopt
    | RecordRevision
    | RecordStable
    | CreateDeployment
    | ScaleDeployment
    | DeleteDeployment
    | PointService
    | WriteRoute
    | ReleaseRoute
    | SetFinalizer
    | PlaceModel
    | TakeModel
    | TidyModel
    | ForgetRevision
)
