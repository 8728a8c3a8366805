"""A fake world around one InferenceService: the real reading and the real patches, over a fake of KServe.

Nothing of the InferenceService but its model and its canary fields may ever change, traffic goes where KServe sends it,
and no user may be sent to a model that nobody let have traffic.
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import replace
from typing import Any

from tests.simulation.fake_kserve import FakeKServe
from tests.simulation.invariants import check_split
from tests.simulation.metric_world import arrivals
from tests.simulation.rollout_world import SPEC, V1, V2, V3, Conflicted, World

from modelwright.api.models import Model
from modelwright.api.rollout import InferenceServiceRoute, InferenceServiceWorkload, ModelRollout, RolloutSpec
from modelwright.rollouts.actions import (
    Action,
    ForgetRevision,
    PlaceModel,
    RecordStable,
    ReleaseRoute,
    SetFinalizer,
    TakeModel,
    TidyModel,
    WriteRoute,
)
from modelwright.rollouts.manifests import stable_record_id
from modelwright.rollouts.observation import Observation, StableRecord
from modelwright.rollouts.observe_inference_service import observation
from modelwright.rollouts.plan import Plan
from modelwright.traffic.kserve import knative, owners, standard
from modelwright.traffic.kserve.router import Look, missing, route_of
from modelwright.traffic.kserve.service import Arms, Mode, mode_of, name_of
from modelwright.traffic.kserve.standard import Evidence
from modelwright.traffic.route import Split

Object = dict[str, Any]

KSERVE = replace(
    SPEC,
    workload=InferenceServiceWorkload("fraud"),
    route=InferenceServiceRoute("fraud"),
    model=V2,
    baseline=V1,
    replicas=1,
)
LAG = 6
"""Seconds in which KServe has done what it was told: two passes, and what it takes to be told."""

FIELDS = {
    "storageUri": ("spec", "predictor", "model", "storageUri"),
    "name": ("spec", "predictor", "name"),
    "canaryTrafficPercent": ("spec", "predictor", "canaryTrafficPercent"),
    "canary": ("spec", "canary"),
}


class KServeWorld(World):
    """In Knative mode. `service` is the InferenceService, None where somebody deleted it."""

    mode = "Knative"

    def __init__(self, spec: RolloutSpec = KSERVE, **fields: Any) -> None:
        predictor: Object = {"minReplicas": 4, "model": {"modelFormat": {"name": "sklearn"}, "storageUri": V1.uri}}
        self.service: Object = {
            "metadata": {
                "name": "fraud",
                "namespace": "ml",
                "resourceVersion": "0",
                "creationTimestamp": "2026-11-21T07:00:00Z",
                "annotations": {"serving.kserve.io/deploymentMode": self.mode},
                "managedFields": [],
            },
            "spec": {"predictor": {**predictor, "timeout": 30}},
        }
        self.exists = True
        self.owned: dict[str, list[str]] = {"storageUri": ["team"]}
        self.finalizers: tuple[str, ...] = ()
        self.stables: list[StableRecord] = []
        self.deleted = False
        self.kserve = FakeKServe(self.service, self._is_dead)
        self.excused = False  # somebody wrote the model, and Knative sends all to what was ready last until it runs
        self.allowed: deque[int] = deque(maxlen=LAG)  # what the candidate was let have lately
        super().__init__(spec=spec, **fields)
        self._own("team")
        self.as_written = self.without_our_fields()

    def _is_dead(self, uri: str) -> bool:
        return uri.rsplit("/", 1)[-1] in self.dead

    # --- the InferenceService -----------------------------------------------------------------------------------

    @property
    def predictor(self) -> Object:
        found: Object = self.service["spec"]["predictor"]
        return found

    @property
    def model_uri(self) -> str:
        return str(self.predictor["model"]["storageUri"])

    def without_our_fields(self) -> Object:
        spec: Object = copy.deepcopy(self.service["spec"])
        spec.pop("canary", None)
        for field in ("canaryTrafficPercent", "name"):
            spec["predictor"].pop(field, None)
        spec["predictor"]["model"].pop("storageUri")
        return spec

    def put(self, by: str = "team", **fields: Any) -> None:
        """Somebody writes fields of FIELDS; None takes one away."""
        for field, value in fields.items():
            *path, last = FIELDS[field]
            place = self.service
            for step in path:
                place = place[step]
            place.pop(last, None)
            self.owned.pop(field, None)
            if value is not None:
                place[last] = value
                self.owned[field] = [by]
        self.allowed.append(100)
        self.excused = self.excused or "storageUri" in fields
        self._own(by)

    def _own(self, by: str) -> None:
        metadata = self.service["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
        managers = dict.fromkeys([by, *(one for each in self.owned.values() for one in each), "team"])
        metadata["managedFields"] = [
            {"manager": manager, "time": f"{self.now:%Y-%m-%dT%H:%M:%SZ}" if manager == by else "2026-11-21T07:00:00Z"}
            | {"operation": "Update", "fieldsV1": self._fields_of(manager)}
            for manager in managers
        ]
        self.route_changed_at = self.now

    def _fields_of(self, manager: str) -> Object:
        fields: Object = {"f:spec": {"f:predictor": {"f:minReplicas": {}}}} if manager == "team" else {"f:spec": {}}
        for field, holders in self.owned.items():
            place = fields
            for step in FIELDS[field] if manager in holders else ():
                place = place.setdefault(f"f:{step}", {})
        return fields

    def _patched(self, operations: list[Object]) -> None:
        for operation in operations:
            *path, last = operation["path"].strip("/").split("/")
            place: Any = self.service
            for name in path:
                place = place[int(name)] if isinstance(place, list) else place[name]
            key: Any = int(last) if isinstance(place, list) else last
            if operation["op"] == "test":
                assert place[key] == operation["value"], "the guard of a patch did not hold"
            elif operation["op"] == "remove":
                del place[key]
            else:
                place[key] = operation["value"]
            for field, steps in FIELDS.items():
                if operation["op"] != "test" and f"{operation['path']}/".startswith(f"/{'/'.join(steps)}/"):
                    self.owned.pop(field, None)
                    if operation["op"] != "remove":
                        self.owned[field] = ["modelwright"]
        if operations:
            self._own("modelwright")
        assert self.without_our_fields() == self.as_written, "changed more than model and canary"

    # --- what the planner sees ----------------------------------------------------------------------------------

    def rollout(self) -> ModelRollout:
        deleted_at = self.now if self.deleted else None
        return replace(super().rollout(), finalizers=self.finalizers, deleted_at=deleted_at)

    def look(self) -> Look | None:
        if not self.exists:
            return None
        arms, mode = Arms.of(self.status), mode_of(self.service)
        if mode is Mode.KNATIVE:
            revisions = tuple(self.kserve.revisions(self.now))
            is_ours = owners.is_ours(self.service)
            return Look(self.service, mode, knative.facts(self.service, arms, revisions, is_ours=is_ours), revisions)
        if mode is Mode.STANDARD:
            deployments = tuple(self.kserve.deployments())
            evidence = Evidence(deployments, self.kserve.endpoints(self.now), tuple(self.kserve.routes))
            return Look(self.service, mode, standard.facts(self.service, arms, evidence), deployments=deployments)
        return Look(self.service, mode, None)

    def observe(self) -> Observation:
        found = self.look()
        route = route_of(found) if found else missing("fraud", installed=True)
        return replace(
            observation(self.rollout(), found, route),
            stables=tuple(self.stables),
            approved=self.approved,
            policy_exists=self.source_exists,
            answers={q: a for q, a in self.answers.items() if q in self.questions},
            first_pass=self.restarted,
            sources={source.name: source for source in self.sources},
        )

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            if self.exists:
                self.kserve.act(self.now)
            self._check_share()
            super().tick(1)

    def _check_share(self) -> None:
        """KServe may be slow to take traffic away, and may be told what to do by others: `put` lets it."""
        candidate, stable = self.status.candidate, self.status.stable
        self.excused = self.excused and self.share_of(V2) + self.share_of(V3) > 0
        # A KServe that is down leaves the traffic as it is.
        self.allowed.append((candidate.weight if candidate else 0) if self.kserve.runs and not self.excused else 100)
        for model in (V2, V3):
            if stable and stable.model.uri != model.uri:
                assert self.share_of(model) <= max(self.allowed), f"{model.version} has traffic that nobody gave it"

    def _serve_traffic(self) -> None:
        for version, share in self.error_rate.items():
            self.metrics.rates["errors", version] = share
        came = arrivals(self.random, self.rate * self.step)
        for name, share in self.kserve.shares().items():
            version = self.kserve.made[name][0].rsplit("/", 1)[-1] if name in self.kserve.made else ""
            self.metrics.serve(name, version, came * share // 100, self.spec.analysis.metrics, self.now)

    def share_of(self, model: Model) -> int:
        """Percent of traffic that really goes to a model."""
        made = self.kserve.made
        return sum(share for name, share in self.kserve.shares().items() if name in made and made[name][0] == model.uri)

    # --- what the planner does ----------------------------------------------------------------------------------

    def _do(self, action: Action, plan: Plan) -> None:
        found, arms = self.look(), Arms.of(self.status)
        dialect: Any = knative if self.mode == "Knative" else standard
        match action:
            case WriteRoute(split, version):
                self._weigh(dialect, split.weight, version, arms, plan)
            case PlaceModel(revision, model, replicas):
                assert self.finalizers, "placed a model before the way back was secured"
                assert found is not None
                if self.mode == "Knative":
                    self._patched(knative.place(self.service, model.uri, arms.stable, found.revisions))
                else:
                    placed = Arms(arms.stable, model.uri, name_of(revision), 0)
                    self._patched(standard.place(self.service, model.uri, placed, replicas))
            case TakeModel():
                self._patched(dialect.take(self.service, arms))
            case TidyModel():
                alone = Arms(arms.stable, "", "", 0)
                assert found is not None
                tidied = knative.tidy(self.service, alone, found.revisions) if self.mode == "Knative" else None
                self._patched(standard.tidy(self.service) if tidied is None else tidied)
            case ReleaseRoute():
                fields = self.service["metadata"]["managedFields"]
                self.owned = {k: [one for one in held if one != "modelwright"] for k, held in self.owned.items()}
                self.service["metadata"]["managedFields"] = [one for one in fields if one["manager"] != "modelwright"]
            case SetFinalizer(name, wanted):
                self.finalizers = tuple(one for one in self.finalizers if one != name) + ((name,) if wanted else ())
            case RecordStable(number, model, backend):
                self.stables.append(StableRecord(number, model, backend))
            case ForgetRevision(revision):
                self.stables = [one for one in self.stables if stable_record_id(one.number) != revision]
            case _:
                raise AssertionError(f"touched what is KServe's: {action}")

    def _weigh(self, dialect: Any, weight: int, version: str, arms: Arms, plan: Plan) -> None:
        if version and version != self.service["metadata"]["resourceVersion"]:
            raise Conflicted
        operations = dialect.weigh(self.service, weight, arms, raises=bool(version))
        if operations and version:
            check_split(self, Split(weight), str(self.route_version), plan)
            # Status says it a moment later, or not at all where that write is lost.
            self.allowed.append(weight)
        if operations:
            self.splits.append((self.now, Split(weight)))
        self._patched(operations)

    def _state(self) -> tuple[Any, ...]:
        return self.status, copy.deepcopy(self.service["spec"]), self.finalizers, tuple(self.owned.items())

    # --- for the checks of every world ---------------------------------------------------------------------------

    @property
    def route_version(self) -> int:
        return int(self.service["metadata"]["resourceVersion"])

    @route_version.setter
    def route_version(self, _: int) -> None:
        """It is the InferenceService's."""

    @property
    def split(self) -> Split | None:
        found = self.look()
        return Split(found.facts.asked) if found and found.facts else Split()

    @split.setter
    def split(self, _: Split | None) -> None:
        """KServe's to make."""

    def ready(self, revision: str) -> int:
        found = self.look()
        arms = {"stable": self.status.stable, "candidate": self.status.candidate}
        for role, arm in arms.items():
            version = getattr(found.facts, role) if found and found.facts else None
            if arm and arm.revision == revision and version:
                return int(version.ready)
        return 0

    @property
    def services(self) -> dict[str, str]:
        arms = {"stable": self.status.stable, "candidate": self.status.candidate}
        return {role: arm.revision for role, arm in arms.items() if arm}

    @services.setter
    def services(self, _: dict[str, str]) -> None:
        """They lead where KServe has them lead."""


class StandardWorld(KServeWorld):
    """The same in Standard mode."""

    mode = "Standard"
