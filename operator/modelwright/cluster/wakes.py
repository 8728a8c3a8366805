"""Which keys an object's change concerns: itself, its owner, and those that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelwright.cluster.keys import (
    GRPC_ROUTE,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    MODEL_ROLLOUT,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    ROLLOUT_LABEL,
    VIRTUAL_SERVICE,
    Key,
    Kind,
)

Object = Mapping[str, Any]
ROUTES = {"httpRoute": HTTP_ROUTE.name, "grpcRoute": GRPC_ROUTE.name, "virtualService": VIRTUAL_SERVICE.name}
"""Members of `spec.traffic` that may name a route, and the kinds of those."""

Tell = Callable[[Kind, Object, bool], None]


class Wakes:
    """Remembers who reads whom, from the objects seen, and wakes them. It decides nothing.

    `tell` is told of every object seen, with its kind and whether it is gone.
    """

    def __init__(self, wake: Callable[[Key], None], tell: Tell | None = None) -> None:
        self._wake = wake
        self._tell = tell
        self._reads: dict[Key, frozenset[Key]] = {}  # rollouts and unfinished runs → what they read by name

    def saw(self, kind: Kind, body: Object, *, gone: bool) -> None:
        if self._tell:
            self._tell(kind, body, gone)
        metadata = body["metadata"]
        key = Key(kind.name, metadata["namespace"], metadata["name"])
        if kind in (MODEL_ROLLOUT, RETRAIN_RUN, RETRAIN_POLICY):
            self._saw_ours(key, body, gone=gone)
        elif rollout := metadata.get("labels", {}).get(ROLLOUT_LABEL):
            self._wake(Key(MODEL_ROLLOUT.name, key.namespace, rollout))
        self._wake_readers(key)

    def _saw_ours(self, key: Key, body: Object, *, gone: bool) -> None:
        before = self._reads.pop(key, frozenset())
        reads = _read_by(key, body)
        if reads and not gone and not _is_finished_run(key, body):
            self._reads[key] = reads
        self._wake(key)
        for run in _runs_named_by(key, body):
            self._wake(run)
        # A policy counts its runs and derives from its rollouts: it reads those that read it.
        for policy in sorted(read for read in reads | before if read.kind == RETRAIN_POLICY.name):
            self._wake(policy)

    def _wake_readers(self, key: Key) -> None:
        for reader in [reader for reader, reads in self._reads.items() if key in reads]:
            self._wake(reader)


def _read_by(key: Key, body: Object) -> frozenset[Key]:
    """What `body` names to be read, besides what carries its own label."""
    spec = body.get("spec", {})
    policy = {
        MODEL_ROLLOUT.name: spec.get("modelFrom", {}).get("retrainPolicyRef", {}),
        RETRAIN_RUN.name: spec.get("policyRef", {}),
    }.get(key.kind, {})
    named = [(RETRAIN_POLICY.name, policy), *((kind, _attached(spec, member)) for member, kind in ROUTES.items())]
    if key.kind == MODEL_ROLLOUT.name:
        others = [spec.get("modelFrom", {}).get("modelRolloutRef", {}), *(spec.get("dependsOn") or ())]
        named += [(MODEL_ROLLOUT.name, other) for other in others]
        if service := spec.get("workload", {}).get("inferenceService", {}).get("name"):
            # KServe answers a change of the one by changing the other.
            named += [(INFERENCE_SERVICE.name, {"name": service}), (HTTP_ROUTE.name, {"name": service})]
    return frozenset(Key(kind, key.namespace, found["name"]) for kind, found in named if found.get("name"))


def _attached(spec: Object, member: str) -> Object:
    """The route of somebody else's that a rollout divides: it carries no label of ours."""
    found: Object = spec.get("traffic", {}).get(member, {}).get("attached", {})
    return found


def _runs_named_by(key: Key, body: Object) -> frozenset[Key]:
    """Runs of whose models the rollout has news: they record what became of them, long after they ended."""
    if key.kind != MODEL_ROLLOUT.name or not body.get("spec", {}).get("modelFrom", {}).get("retrainPolicyRef"):
        return frozenset()
    status = body.get("status", {})
    named = {status.get(arm, {}).get("retrainRun", "") for arm in ("stable", "candidate")}
    named |= {entry.get("version", "") for entry in status.get("history", [])[:1]}
    return frozenset(Key(RETRAIN_RUN.name, key.namespace, name) for name in named if name)


def _is_finished_run(key: Key, body: Object) -> bool:
    return key.kind == RETRAIN_RUN.name and any(
        condition.get("type") == "Succeeded" and condition.get("status") != "Unknown"
        for condition in body.get("status", {}).get("conditions", [])
    )
