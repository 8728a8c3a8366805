"""Which keys an object's change concerns: itself, its owner, and those that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, ROLLOUT_LABEL, Key, Kind

Object = Mapping[str, Any]
Tell = Callable[[Kind, Object, bool], None]


class Wakes:
    """Remembers who reads whom, from the objects seen, and wakes them. It decides nothing.

    `tell` is told of every object seen, with its kind and whether it is gone.
    """

    def __init__(self, wake: Callable[[Key], None], tell: Tell | None = None) -> None:
        self._wake = wake
        self._tell = tell
        self._policy_of: dict[Key, Key] = {}  # rollouts and unfinished runs → the policy that they read

    def saw(self, kind: Kind, body: Object, *, gone: bool) -> None:
        if self._tell:
            self._tell(kind, body, gone)
        metadata = body["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if kind in (MODEL_ROLLOUT, RETRAIN_RUN, RETRAIN_POLICY):
            self._saw_ours(Key(kind.name, namespace, name), body, gone=gone)
        elif rollout := metadata.get("labels", {}).get(ROLLOUT_LABEL):
            self._wake(Key(MODEL_ROLLOUT.name, namespace, rollout))

    def _saw_ours(self, key: Key, body: Object, *, gone: bool) -> None:
        before = self._policy_of.pop(key, None)
        policy = _policy_read_by(key, body)
        if policy and not gone and not _is_finished_run(key, body):
            self._policy_of[key] = policy
        self._wake(key)
        for concerned in {policy, before} - {None}:
            assert concerned is not None
            self._wake(concerned)
        if key.kind == RETRAIN_POLICY.name:
            for reader in [reader for reader, read in self._policy_of.items() if read == key]:
                self._wake(reader)


def _policy_read_by(key: Key, body: Object) -> Key | None:
    spec = body.get("spec", {})
    reference = {
        MODEL_ROLLOUT.name: spec.get("modelFrom", {}).get("retrainPolicyRef", {}),
        RETRAIN_RUN.name: spec.get("policyRef", {}),
    }.get(key.kind, {})
    return Key(RETRAIN_POLICY.name, key.namespace, reference["name"]) if reference.get("name") else None


def _is_finished_run(key: Key, body: Object) -> bool:
    return key.kind == RETRAIN_RUN.name and any(
        condition.get("type") == "Succeeded" and condition.get("status") != "Unknown"
        for condition in body.get("status", {}).get("conditions", [])
    )
