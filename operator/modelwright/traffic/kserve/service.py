"""What an InferenceService says of itself in either mode: how it is deployed, its model, and what fails. Pure.

TRAP: its `status.observedGeneration` is that of the Knative Service or Deployment below it (seen in v0.20.0): it does
not tell whether a change was taken up. Both modes tell that by what was made of it, never by a generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelwright.api.rollout import Backend, RolloutStatus
from modelwright.rollouts.shared_servers import shared_server_among
from modelwright.traffic.route import Obstacle

MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
SOURCE_ANNOTATION = "internal.serving.kserve.io/storage-initializer-sourceuri"
"""On Knative Revisions and on the pod templates of Deployments: the model that KServe loads into the pods."""

MODEL_MESH = "ModelMesh"

Object = Mapping[str, Any]


class Mode(StrEnum):
    KNATIVE = "Knative"
    STANDARD = "Standard"


FORMER = {"Serverless": Mode.KNATIVE, "RawDeployment": Mode.STANDARD}
"""What the modes were called before 0.16 or so; both names are still read by KServe."""


@dataclass(frozen=True)
class Arms:
    """The two models as status remembers them; "" for one that there is not. `name` is the candidate's for KServe."""

    stable: str
    candidate: str
    name: str
    recorded: int

    @classmethod
    def of(cls, status: RolloutStatus) -> Arms:
        stable, candidate = status.stable, status.candidate
        return cls(
            stable.model.uri if stable else "",
            candidate.model.uri if candidate else "",
            name_of(candidate.revision) if candidate else "",
            candidate.weight if candidate else 0,
        )


@dataclass(frozen=True)
class Version:
    """One version as KServe runs it. `ready` counts pods, or is 1 where they come on demand."""

    backend: Backend
    uri: str
    ready: int


@dataclass(frozen=True)
class Facts:
    """An InferenceService beside the two arms of a rollout. `asked` is the percent that its spec gives the candidate.

    `placed` says whether it asks for pods of the candidate's model, `taken` whether it asks for nothing else any more,
    `tidy` whether nothing is left in it of a candidate, and `can_tidy` whether something of that can go now. `serving`
    is what all traffic goes to, `known` all that could get some.
    """

    asked: int
    accepted: bool | None
    placed: bool = False
    taken: bool = False
    tidy: bool = True
    can_tidy: bool = False
    stable: Version | None = None
    candidate: Version | None = None
    serving: Version | None = None
    known: tuple[Version, ...] = ()
    model: str = ""  # what its predictor asks for
    passed_by: bool = False  # a model was released past us, and has all traffic
    replicas: int = 1
    placed_replicas: int = 1
    message: str = ""
    silence: str = ""  # what it means if the weight asked for is never confirmed
    obstacle: Obstacle | None = None


def name_of(revision: str) -> str:
    """What KServe calls a candidate of ours."""
    return f"mw-{revision}"


def mode_of(body: Object) -> Mode | None:
    """As KServe recorded it, else as its owner asks. None where nobody says, and for modes that are not supported."""
    said = raw_mode_of(body)
    return FORMER.get(said) or (Mode(said) if said in tuple(Mode) else None)


def raw_mode_of(body: Object) -> str:
    recorded = body.get("status", {}).get("deploymentMode")
    return str(recorded or body["metadata"].get("annotations", {}).get(MODE_ANNOTATION, ""))


def predictor_of(body: Object) -> Object:
    found: Object = body.get("spec", {}).get("predictor", {})
    return found


def model_of(body: Object) -> Object:
    found: Object = predictor_of(body).get("model") or {}
    return found


def uri_of(body: Object) -> str:
    return str(model_of(body).get("storageUri", ""))


def condition(body: Object, type_: str) -> Object:
    conditions = body.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one.get("type") == type_), {})


def shared_server(body: Object) -> str:
    """How an InferenceService shares its process among models, "" where nothing says that it does."""
    if raw_mode_of(body) == MODEL_MESH:
        return f"its deployment mode is {MODEL_MESH}"
    return shared_server_among([{**model_of(body), "name": "model"}, *predictor_of(body).get("containers", ())])


def unsupported(body: Object) -> Obstacle | None:
    """Why no rollout can go through this InferenceService whatever its mode, None where one can."""
    name = f"InferenceService '{body['metadata']['name']}'"
    mode = raw_mode_of(body)
    if not mode:
        needed = f"set the annotation `{MODE_ANNOTATION}: Knative` or `Standard`, or wait until KServe has seen it"
        return _unsupported(f"{name} does not say how it is deployed: {needed}")
    if mode_of(body) is None and mode != MODEL_MESH:
        return _unsupported(f"{name} is deployed as '{mode}': needed is Knative or Standard")
    if not uri_of(body):
        needed = "needed is `spec.predictor.model.storageUri`, which is what a rollout changes"
        return _unsupported(f"{name} names no model by its uri: {needed}")
    if predictor_of(body).get("workerSpec"):
        return _unsupported(f"{name} runs on several nodes (`workerSpec`): KServe has no canary there")
    return None


def trouble(body: Object) -> str:
    """Why KServe cannot load a model, in its own words of a kind: what else it says may hold anything."""
    status = body.get("status", {}).get("modelStatus", {})
    reason = status.get("lastFailureInfo", {}).get("reason", "")
    return f"KServe says {reason}" if reason and status.get("transitionStatus") != "UpToDate" else ""


def _unsupported(message: str) -> Obstacle:
    return Obstacle("UnsupportedKServe", message)
