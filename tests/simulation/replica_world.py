"""A fake world without a router: one Service over the pods of both versions, read back by the real router.

Traffic goes where pods are ready behind the Service. So pods that are added beside stable are a raise, and checked as
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.invariants import check_raise, check_split
from tests.simulation.metric_world import arrivals, drawn
from tests.simulation.rollout_world import SPEC, Conflicted, World

from modelwright.api.rollout import ReplicaRatio, RolloutSpec, Step
from modelwright.cluster.access import FIELD_MANAGER
from modelwright.cluster.keys import REVISION_LABEL, SERVICE
from modelwright.rollouts.actions import Action, CreateDeployment, ScaleDeployment, WriteRoute
from modelwright.rollouts.observation import Observation
from modelwright.rollouts.ownership import owned
from modelwright.rollouts.plan import Plan
from modelwright.traffic.backends import SERVICE_PORT
from modelwright.traffic.ratio import pods_for
from modelwright.traffic.replica_ratio import WEIGHT_ANNOTATION, seen
from modelwright.traffic.route import Split

STEPS = tuple(Step(weight, timedelta(seconds=20)) for weight in (20, 50))
BY_PODS = replace(SPEC, route=ReplicaRatio(), steps=STEPS)


class ReplicaWorld(World):
    """`front` is the Service that callers use, None where there is none. Pods that are added take `start_delay`."""

    def __init__(self, spec: RolloutSpec = BY_PODS, **fields: Any) -> None:
        self.front: dict[str, Any] | None = None
        self.versions = 0
        self.grown: dict[str, tuple[int, datetime]] = {}  # how many were ready before, and when more were asked for
        super().__init__(spec=spec, **fields)

    # --- the Service ---------------------------------------------------------------------------------------------

    @property
    def pinned(self) -> str:
        """The one revision that the Service selects, "" for all of them."""
        return str(self.front["spec"]["selector"].get(REVISION_LABEL, "")) if self.front else ""

    def ready(self, revision: str) -> int:
        before, asked_at = self.grown.get(revision, (0, self.now - self.start_delay))
        ready = super().ready(revision)
        return ready if self.now - asked_at >= self.start_delay else min(before, ready)

    def endpoints(self) -> Mapping[str, int]:
        selected = [self.pinned] if self.pinned else list(self.deployments)
        return {revision: ready for revision in selected if (ready := self.ready(revision))} if self.front else {}

    def observe(self) -> Observation:
        route = None
        if self.front is not None:
            revisions = (self.services.get("stable", ""), self.services.get("candidate", ""))
            route = seen(self.rollout(), self.front, revisions, self.endpoints())
        return replace(super().observe(), route=route)

    @property
    def split(self) -> Split | None:
        if self.front is None:
            return None
        return seen(self.rollout(), self.front, (self.services["stable"], self.services["candidate"]), {}).split

    @split.setter
    def split(self, split: Split | None) -> None:
        """What somebody makes of it; a Service knows neither copies nor testers."""
        if split is None:
            self.front = None
        elif self.front is not None and split.weight != (self.split or Split()).weight:
            self._write_front(split.weight, by="somebody")

    def _write_front(self, weight: int, by: str) -> None:
        pinned = {0: self.services["stable"], 100: self.services["candidate"]}.get(weight, "")
        self.versions += 1
        body = owned(self.rollout(), SERVICE, self.name, {})
        body["metadata"] |= {
            "annotations": {WEIGHT_ANNOTATION: str(weight)},
            "resourceVersion": str(self.versions),
            "creationTimestamp": f"{self.now:%Y-%m-%dT%H:%M:%SZ}",
            "managedFields": [{"manager": by, "operation": "Apply", "time": f"{self.now:%Y-%m-%dT%H:%M:%SZ}"}],
        }
        body["spec"] = {"selector": {REVISION_LABEL: pinned} if pinned else {}, "ports": [{"port": SERVICE_PORT}]}
        self.front = body

    @property
    def route_version(self) -> int:
        return self.versions

    @route_version.setter
    def route_version(self, _: int) -> None:
        """It is the Service's."""

    # --- what happens --------------------------------------------------------------------------------------------

    def _serve_traffic(self) -> None:
        for version, share in self.error_rate.items():
            self.metrics.rates["errors", version] = share
        left, pods = arrivals(self.random, self.rate * self.step), dict(self.endpoints())
        while pods:
            of_all = sum(pods.values())
            revision, ready = pods.popitem()
            requests = drawn(self.random, left, ready / of_all)
            left -= requests
            version = self.deployments[revision].model.version
            self.metrics.serve(revision, version, requests, self.spec.analysis.metrics, self.now)

    def _do(self, action: Action, plan: Plan) -> None:
        match action:
            case WriteRoute(split, version):
                if version and version != str(self.versions):
                    raise Conflicted
                check_split(self, split, version, plan)
                if split != self.split:
                    self.splits.append((self.now, split))
                self._write_front(split.weight, by=FIELD_MANAGER)
            case CreateDeployment(revision, _, _, replicas):
                self._check_pods(revision, 0, replicas, plan)
                super()._do(action, plan)
            case ScaleDeployment(name, replicas):
                revision = name.removeprefix("churn-")
                before = self.deployments[revision].wanted
                self._check_pods(revision, before, replicas, plan)
                if replicas > before:
                    self.grown[revision] = (self.ready(revision), self.now)
                super()._do(action, plan)
            case _:
                super()._do(action, plan)

    def _check_pods(self, revision: str, before: int, after: int, plan: Plan) -> None:
        """Beside those of stable more pods are more traffic, unless stable gets more as well."""
        live, candidate = self.split or Split(), self.status.candidate
        if self.front is None or self.pinned or candidate is None or revision != candidate.revision or after <= before:
            return
        if after > pods_for(self.spec.replicas, live.weight):
            assert plan.status.step, "pods of nobody's step got traffic"
            check_raise(self, live, Split(plan.status.step.weight), str(self.versions), plan)

    def _state(self) -> tuple[Any, ...]:
        return (*super()._state(), self.endpoints())
