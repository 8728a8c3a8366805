"""Fake worlds behind a route of the user's, which is read and patched by the real router.

Everything in the route that is not a weight, or was made by us, must stay as its owner wrote it. With existing
workloads nothing else may be created, scaled or re-pointed either.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.simulation.invariants import check_split
from tests.simulation.metric_world import arrivals, drawn
from tests.simulation.patching import patch
from tests.simulation.rollout_world import SPEC, V1, V2, Conflicted, World
from tests.traffic.routes import backend, route

from modelwright.api.ab_test import Audience, Bucket
from modelwright.api.audience import match_of
from modelwright.api.models import Model
from modelwright.api.rollout import (
    AttachedRoute,
    Backend,
    ExistingVersion,
    ExistingWorkload,
    HeaderMatch,
    ModelRollout,
    RolloutSpec,
    RouteForTesters,
    Step,
)
from modelwright.cluster.keys import HTTP_ROUTE
from modelwright.rollouts.actions import Action, ForgetRevision, RecordStable, ReleaseRoute, SetFinalizer, WriteRoute
from modelwright.rollouts.manifests import stable_record_id
from modelwright.rollouts.observation import DeploymentSeen, Observation, ServiceSeen, StableRecord
from modelwright.rollouts.plan import Plan
from modelwright.traffic.attached_route import changes, seen
from modelwright.traffic.backends import backends_of
from modelwright.traffic.pairs import is_made, pairs_of
from modelwright.traffic.route import RouteSeen, Split
from modelwright.traffic.shapes import shape_of
from modelwright.traffic.testers_route import audience
from modelwright.traffic.testers_writing import wanted_for

OLD, NEW = (ExistingVersion(name, Backend(name)) for name in ("ranker-v7", "ranker-v8"))
ATTACHED = replace(SPEC, route=AttachedRoute("HTTPRoute", "churn"))
EXISTING = replace(
    SPEC, workload=ExistingWorkload(OLD, NEW), route=AttachedRoute("HTTPRoute", "churn"), model=V2, baseline=V1
)
TESTERS = Step(match=(HeaderMatch("x-tester", "1"),), hold=timedelta(seconds=20))
BESIDE = AttachedRoute("HTTPRoute", "churn", testers_route=RouteForTesters.BESIDE)
WITH_TESTERS = replace(ATTACHED, route=BESIDE, steps=(TESTERS, *SPEC.steps))
EXISTING_WITH_TESTERS = replace(EXISTING, route=BESIDE, steps=(TESTERS, *SPEC.steps))
OURS = {"manager": "modelwright", "operation": "Update", "fieldsV1": {"f:spec": {"f:rules": {}}}}


class AttachedWorld(World):
    """Managed pods behind a route of the user's."""

    backends = ("churn-stable", "churn-candidate")

    def __init__(self, spec: RolloutSpec = ATTACHED, **fields: Any) -> None:
        self.body = self._first_route()
        self.made: dict[str, Any] | None = None  # the route beside it
        self.finalizers: tuple[str, ...] = ()
        self.versions = 0
        self.deleted = False
        super().__init__(spec=spec, **fields)
        self.as_written = self.without_weights()

    def _first_route(self) -> dict[str, Any]:
        refs = [backend(self.backends[0], 100), backend(self.backends[1], 0), backend("elsewhere", 7)]
        return route({"backendRefs": refs, "timeouts": {"request": "2s"}}, {"backendRefs": [backend("docs", 1)]})

    def _refs(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The two that are weighed, wherever ours have moved their rule to."""
        shape = shape_of(body)
        rules = [rule for rule in body["spec"][shape.rules] if not is_made(rule)]
        return list(rules[0][shape.refs][:2])

    @property
    def weights_by_backend(self) -> dict[str, int]:
        return dict(zip(self.backends, (ref.get("weight", 1) for ref in self._refs(self.body)), strict=True))

    def without_weights(self) -> dict[str, Any]:
        body = copy.deepcopy(self.body)
        rules = shape_of(body).rules
        for ref in self._refs(body):
            ref.pop("weight", None)
        return {**body["spec"], rules: [rule for rule in body["spec"][rules] if not is_made(rule)]}

    def put(self, first: int | None, second: int | None, by: str = "team") -> None:
        """Somebody writes the weights, and takes the rules with them. None leaves one out."""
        for ref, weight in zip(self._refs(self.body), (first, second), strict=True):
            ref.pop("weight", None)
            if weight is not None:
                ref["weight"] = weight
        self._written(by)

    def change_timeout(self, by: str = "team") -> None:
        """The owner changes something that has nothing to do with weights."""
        rule = next(rule for rule in self.body["spec"][shape_of(self.body).rules] if not is_made(rule))
        rule["timeouts"] = {"request": f"{self.versions}s"}
        self._written(by)
        self.as_written = self.without_weights()

    def widen_audience(self, by: str = "somebody") -> None:
        """Somebody has what we made lead everybody to the candidate."""
        for made in (self.made, self.body):
            for rule in made["spec"][shape_of(made).rules] if made else ():
                if made is self.made or is_made(rule):
                    rule["matches" if made is self.made else "match"] = [{}]
        self._written(by)

    def add_buckets(self, by: str = "somebody") -> None:
        """Somebody has what we made lead more users to the candidate, by their buckets."""
        for made in (self.made, self.body):
            for rule in made["spec"][shape_of(made).rules] if made else ():
                if made is self.made or is_made(rule):
                    key = "matches" if made is self.made else "match"
                    rule[key] = json.loads(_with_more_buckets(json.dumps(rule.get(key, [{}]))))
        self._written(by)

    def drop_audience(self, by: str = "somebody") -> None:
        """Somebody takes away what we made."""
        rules = shape_of(self.body).rules
        self.made = None
        self.body["spec"][rules] = [rule for rule in self.body["spec"][rules] if not is_made(rule)]
        self._written(by)

    def _written(self, by: str) -> None:
        metadata = self.body["metadata"]
        self.versions += 1
        metadata |= {"resourceVersion": str(self.versions), "generation": metadata["generation"] + 1}
        rules = f"f:{shape_of(self.body).rules}"
        entry = {**OURS, "manager": by, "fieldsV1": {"f:spec": {rules: {}}}}
        others = [one for one in metadata["managedFields"] if rules not in one["fieldsV1"]["f:spec"]]
        metadata["managedFields"] = [*others, entry]
        self.route_changed_at = self.now

    @property
    def share(self) -> int:
        """Percent that the candidate's backend gets, whichever it is."""
        pairs = pairs_of(self.body, backends_of(self.rollout()))
        return pairs[0].share if pairs else 0

    @property
    def split(self) -> Split | None:
        testers = audience(self.made, self.rollout()) if self.made else ()
        return Split(self.share, testers=testers)

    @split.setter
    def split(self, split: Split | None) -> None:
        """Its owner wrote the route, and nobody deletes it here."""

    def rollout(self) -> ModelRollout:
        deleted_at = self.now if self.deleted else None
        return replace(super().rollout(), finalizers=self.finalizers, deleted_at=deleted_at)

    def route_seen(self) -> RouteSeen:
        accepted = self.gateway_exists and self.now - self.route_changed_at >= self.accept_delay
        for body in (self.body, self.made):
            for parent in body["status"].get("parents", ()) if body else ():
                for condition in parent["conditions"]:
                    condition["observedGeneration"] = body["metadata"]["generation"] if body and accepted else 0
        return seen(self.rollout(), self.body, made=self.made)

    def observe(self) -> Observation:
        return replace(super().observe(), route=self.route_seen())

    def _do(self, action: Action, plan: Plan) -> None:
        match action:
            case WriteRoute():
                self._write(action, plan)
            case ReleaseRoute():
                fields = self.body["metadata"]["managedFields"]
                self.body["metadata"]["managedFields"] = [one for one in fields if one["manager"] != "modelwright"]
                self.made = None
            case SetFinalizer(name, wanted):
                self.finalizers = tuple(one for one in self.finalizers if one != name) + ((name,) if wanted else ())
            case _:
                super()._do(action, plan)
        assert self.without_weights() == self.as_written, "changed more of the route than weights"

    def _write(self, action: WriteRoute, plan: Plan) -> None:
        split, version, before = action.split, action.resource_version, self.split or Split()
        if version and version != self.body["metadata"]["resourceVersion"]:
            raise Conflicted
        if not split.is_within(before):
            assert version, "raised without naming the version of the route"
            assert self.finalizers, "raised before the way back was secured"
            check_split(self, split, str(self.route_version), plan)
        operations = changes(self.rollout(), self.body, action)
        patch(self.body, operations)
        if operations:
            self._written("modelwright")
        self._keep_beside(action)
        if self.split != before:
            self.splits.append((self.now, self.split or Split()))
        weighed = any(operation["path"].endswith("/weight") for operation in operations)
        assert sum(self.weights_by_backend.values()) == 100 or not weighed, "weights do not add up"

    def _keep_beside(self, action: WriteRoute) -> None:
        wanted = wanted_for(self.rollout(), HTTP_ROUTE, self.body, self.made, action)
        if wanted is self.made:
            return
        self.made = None if wanted is None else self.stored(wanted, by="modelwright")

    def stored(self, body: Mapping[str, Any], by: str) -> dict[str, Any]:
        """As the API server returns what was written."""
        self.versions += 1
        self.route_changed_at = self.now
        entry = {**OURS, "manager": by, "time": "2026-11-21T08:00:00Z"}
        made = copy.deepcopy({**route(), **body})
        made["metadata"] |= {
            "generation": self.versions,
            "resourceVersion": str(self.versions),
            "creationTimestamp": "2026-11-21T08:00:00Z",
            "managedFields": [entry],
        }
        return made


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
        of_testers = drawn(self.random, came, self.tester_share) if self.split and self.split.testers else 0
        share = weights["ranker-v8"] / max(1, sum(weights.values()))
        to_new = of_testers + drawn(self.random, came - of_testers, share)
        copies = drawn(self.random, came, self.split.mirror / 100) if self.split and self.split.mirror else 0
        for name, requests in (("ranker-v7", came - to_new), ("ranker-v8", to_new + copies)):
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


def _with_more_buckets(matches: str) -> str:
    """`matches`, as JSON, of all buckets but the last, where they are of some."""
    for by in (Bucket(header="x-bucket"), Bucket(cookie="bucket")):
        most, *others = (_in_json(percent, by) for percent in range(99, 0, -1))
        for one in others:
            matches = matches.replace(one, most)
    return matches


def _in_json(percent: int, by: Bucket) -> str:
    return json.dumps(match_of(Audience(percent, by.header, by.cookie)).value)
