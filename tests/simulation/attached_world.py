"""Fake worlds behind a route of the user's, which is read and patched by the real router.

Everything in the route that is not a weight must stay as its owner wrote it. With existing workloads nothing else may
be created, scaled or re-pointed either.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from tests.simulation.invariants import check_split
from tests.simulation.metric_world import arrivals, drawn
from tests.simulation.rollout_world import SPEC, V1, V2, Conflicted, World
from tests.traffic.routes import backend, route

from modelwright.api.models import Model
from modelwright.api.rollout import (
    AttachedRoute,
    Backend,
    ExistingVersion,
    ExistingWorkload,
    ModelRollout,
    RolloutSpec,
)
from modelwright.rollouts.actions import Action, ForgetRevision, RecordStable, ReleaseRoute, SetFinalizer, WriteRoute
from modelwright.rollouts.manifests import stable_record_id
from modelwright.rollouts.observation import DeploymentSeen, Observation, ServiceSeen, StableRecord
from modelwright.rollouts.plan import Plan
from modelwright.traffic.attached_route import seen
from modelwright.traffic.backends import backends_of
from modelwright.traffic.pairs import pairs_of, weigh
from modelwright.traffic.route import RouteSeen, Split

OLD, NEW = (ExistingVersion(name, Backend(name)) for name in ("ranker-v7", "ranker-v8"))
ATTACHED = replace(SPEC, route=AttachedRoute("HTTPRoute", "churn"))
EXISTING = replace(
    SPEC, workload=ExistingWorkload(OLD, NEW), route=AttachedRoute("HTTPRoute", "churn"), model=V2, baseline=V1
)
OURS = {"manager": "modelwright", "operation": "Update", "fieldsV1": {"f:spec": {"f:rules": {}}}}


class AttachedWorld(World):
    """Managed pods behind a route of the user's."""

    backends = ("churn-stable", "churn-candidate")

    def __init__(self, spec: RolloutSpec = ATTACHED, **fields: Any) -> None:
        refs = [backend(self.backends[0], 100), backend(self.backends[1], 0), backend("elsewhere", 7)]
        self.body = route({"backendRefs": refs, "timeouts": {"request": "2s"}}, {"backendRefs": [backend("docs", 1)]})
        self.as_written = self.without_weights()
        self.finalizers: tuple[str, ...] = ()
        self.versions = 0
        self.deleted = False
        super().__init__(spec=spec, **fields)

    @property
    def weights_by_backend(self) -> dict[str, int]:
        return {ref["name"]: ref.get("weight", 1) for ref in self.body["spec"]["rules"][0]["backendRefs"][:2]}

    def without_weights(self) -> dict[str, Any]:
        spec = copy.deepcopy(self.body["spec"])
        for ref in spec["rules"][0]["backendRefs"][:2]:
            ref.pop("weight", None)
        return dict(spec)

    def put(self, first: int | None, second: int | None, by: str = "team") -> None:
        """Somebody writes the weights, and takes the rules with them. None leaves one out."""
        for ref, weight in zip(self.body["spec"]["rules"][0]["backendRefs"], (first, second), strict=False):
            ref.pop("weight", None)
            if weight is not None:
                ref["weight"] = weight
        self._written(by)

    def _written(self, by: str) -> None:
        metadata = self.body["metadata"]
        self.versions += 1
        metadata |= {"resourceVersion": str(self.versions), "generation": metadata["generation"] + 1}
        entry = OURS if by == "modelwright" else {**OURS, "manager": by, "operation": "Apply"}
        others = [one for one in metadata["managedFields"] if "f:rules" not in one["fieldsV1"]["f:spec"]]
        metadata["managedFields"] = [*others, entry]
        self.route_changed_at = self.now

    @property
    def share(self) -> int:
        """Percent that the candidate's backend gets, whichever it is."""
        pairs = pairs_of(self.body, backends_of(self.rollout()))
        return pairs[0].share if pairs else 0

    @property
    def split(self) -> Split | None:
        return Split(self.share)

    @split.setter
    def split(self, split: Split | None) -> None:
        """Its owner wrote the route, and nobody deletes it here."""

    def rollout(self) -> ModelRollout:
        deleted_at = self.now if self.deleted else None
        return replace(super().rollout(), finalizers=self.finalizers, deleted_at=deleted_at)

    def route_seen(self) -> RouteSeen:
        accepted = self.gateway_exists and self.now - self.route_changed_at >= self.accept_delay
        for parent in self.body["status"]["parents"]:
            for condition in parent["conditions"]:
                condition["observedGeneration"] = self.body["metadata"]["generation"] if accepted else 0
        return seen(self.rollout(), self.body)

    def observe(self) -> Observation:
        return replace(super().observe(), route=self.route_seen())

    def _do(self, action: Action, plan: Plan) -> None:
        match action:
            case WriteRoute(split, version):
                self._weigh(split.weight, version, plan)
            case ReleaseRoute():
                fields = self.body["metadata"]["managedFields"]
                self.body["metadata"]["managedFields"] = [one for one in fields if one["manager"] != "modelwright"]
            case SetFinalizer(name, wanted):
                self.finalizers = tuple(one for one in self.finalizers if one != name) + ((name,) if wanted else ())
            case _:
                super()._do(action, plan)
        assert self.without_weights() == self.as_written, "changed more of the route than weights"

    def _weigh(self, weight: int, version: str, plan: Plan) -> None:
        if version and version != self.body["metadata"]["resourceVersion"]:
            raise Conflicted
        pairs = pairs_of(self.body, backends_of(self.rollout()))
        before = self.share
        operations = weigh(self.body, pairs, weight, raises=bool(version))
        if weight > before and operations:
            assert version, "raised a weight without naming the version of the route"
            assert self.finalizers, "raised a weight before the way back was secured"
            check_split(self, Split(weight), str(self.route_version), plan)
        for operation in operations:
            if operation["op"] == "add":
                _, _, _, rule, _, place, _ = operation["path"].split("/")
                self.body["spec"]["rules"][int(rule)]["backendRefs"][int(place)]["weight"] = operation["value"]
        if operations:
            self.splits.append((self.now, Split(weight)))
            self._written("modelwright")
        assert sum(self.weights_by_backend.values()) == 100 or not operations, "weights do not add up"


class ExistingWorld(AttachedWorld):
    """`serves` maps backends to the model in their pods, `pods` to how many are ready."""

    backends = ("ranker-v7", "ranker-v8")

    def __init__(self, spec: RolloutSpec = EXISTING, pods: int = 4, **fields: Any) -> None:
        self.serves: dict[str, Model] = {"ranker-v7": V1, "ranker-v8": V2}
        self.pods = {"ranker-v7": pods, "ranker-v8": pods}
        self.stables: list[StableRecord] = []
        self.shared_server = ""
        super().__init__(spec=spec, **fields)

    def ready_behind(self, name: str) -> int:
        return 0 if name not in self.serves or self.serves[name].version in self.dead else self.pods[name]

    def observe(self) -> Observation:
        rollout, status = self.rollout(), self.status
        backends = backends_of(rollout)
        counts = {role: self.ready_behind(getattr(backends, role).name) for role in ("stable", "candidate")}

        def service(role: str) -> ServiceSeen | None:
            arm = getattr(status, role)
            return ServiceSeen(arm.revision, {arm.revision: counts[role]} if counts[role] else {}) if arm else None

        deployments = {}
        if status.candidate:
            name, arm = backends.candidate.name, status.candidate
            deployments = {arm.revision: DeploymentSeen(name, arm.revision, arm.model, self.pods[name])}
        spec = replace(rollout.spec, replicas=max(1, self.pods[backends.stable.name]))
        return Observation(
            rollout=replace(rollout, spec=spec),
            stables=tuple(self.stables),
            deployments=deployments,
            stable_service=service("stable"),
            candidate_service=service("candidate"),
            route=self.route_seen(),
            shared_server=self.shared_server,
            answers={q: a for q, a in self.answers.items() if q in self.questions},
            first_pass=self.restarted,
            sources={source.name: source for source in self.sources},
        )

    def _serve_traffic(self) -> None:
        for version, share in self.error_rate.items():
            self.metrics.rates["errors", version] = share
        weights = self.weights_by_backend
        came = arrivals(self.random, self.rate * self.step)
        to_new = drawn(self.random, came, weights["ranker-v8"] / max(1, sum(weights.values())))
        for name, requests in (("ranker-v7", came - to_new), ("ranker-v8", to_new)):
            self.metrics.serve(name, self.serves[name].version, requests, self.spec.analysis.metrics, self.now)

    def _do(self, action: Action, plan: Plan) -> None:
        match action:
            case WriteRoute() | ReleaseRoute() | SetFinalizer():
                super()._do(action, plan)
            case RecordStable(number, model, backend_):
                self.stables.append(StableRecord(number, model, backend_))
            case ForgetRevision(revision):
                self.stables = [one for one in self.stables if stable_record_id(one.number) != revision]
            case _:
                raise AssertionError(f"touched what is somebody else's: {action}")

    def ready(self, revision: str) -> int:
        """For the checks of a raise: behind whichever backend `revision` has."""
        arms = [arm for arm in (self.status.stable, self.status.candidate) if arm and arm.revision == revision]
        return self.ready_behind(arms[0].backend.name) if arms and arms[0].backend else 0

    @property
    def services(self) -> dict[str, str]:
        arms = {"stable": self.status.stable, "candidate": self.status.candidate}
        return {role: arm.revision for role, arm in arms.items() if arm}

    @services.setter
    def services(self, _: dict[str, str]) -> None:
        """They lead where their owner lets them."""
