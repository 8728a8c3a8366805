"""Reads what a pass needs to know: the object, its relatives, and the answers that have come in meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from modelwright.api.parsing import parse_policy, parse_rollout, parse_run
from modelwright.api.pipelines import Package
from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import RetrainRun
from modelwright.cluster.access import Object
from modelwright.cluster.keys import CONFIG_MAP, MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.room import Room
from modelwright.errors import InvalidSpec
from modelwright.retraining.observation import PolicyObservation, RunObservation
from modelwright.retraining.plan.lineage import finished

T = TypeVar("T")


@dataclass(frozen=True)
class Relatives:
    runs: tuple[RetrainRun, ...]
    rivals: tuple[RetrainRun, ...]
    followers: tuple[ModelRollout, ...]
    unreadable: tuple[str, ...]


async def observe_policy(key: Key, policy: RetrainPolicy, room: Room) -> PolicyObservation:
    relatives = await _relatives(policy.namespace, policy.name, policy.uid, policy.spec.model, room)
    return PolicyObservation(
        policy=policy,
        runs=relatives.runs,
        rivals=relatives.rivals,
        upstreams=await _upstreams(policy, room),
        config_maps=await _config_maps(policy, room),
        followers=relatives.followers,
        unreadable=relatives.unreadable,
        package=await _package(policy.namespace, policy.spec.pipeline.package, room),
        servers=room.configuration.servers,
        rates=room.configuration.rates,
        sources=room.configuration.sources,
        registries=room.configuration.registries,
        answers=room.background.answers(key),
    )


async def _upstreams(policy: RetrainPolicy, room: Room) -> dict[str, RetrainPolicy]:
    found = {}
    for name in {trigger.after.policy for trigger in policy.spec.triggers if trigger.after}:
        body = await room.cluster.get(RETRAIN_POLICY, policy.namespace, name)
        for upstream in _parsed([body] if body else [], parse_policy)[0]:
            found[name] = upstream
    return found


async def _config_maps(policy: RetrainPolicy, room: Room) -> dict[tuple[str, str], str]:
    found = {}
    for name, key in {(trigger.data.config_map, trigger.data.key) for trigger in policy.spec.triggers if trigger.data}:
        body = await room.cluster.get(CONFIG_MAP, policy.namespace, name) if name else None
        if body and key in body.get("data", {}):
            found[name, key] = body["data"][key]
    return found


async def observe_run(key: Key, body: Object, run: RetrainRun, room: Room) -> RunObservation:
    relatives = await _relatives(run.namespace, run.spec.policy_name, run.spec.policy_uid, run.spec.model, room)
    found = await room.cluster.get(RETRAIN_POLICY, run.namespace, run.spec.policy_name)
    policy, broken = None, ""
    if found and found["metadata"]["uid"] == run.spec.policy_uid:
        try:
            policy = parse_policy(found)
        except InvalidSpec as error:
            broken = str(error)
    return RunObservation(
        run=run,
        policy=policy,
        broken=broken,
        package=await _package(run.namespace, run.spec.pipeline.package, room) if _is_launching(run) else None,
        leading_since=room.leading_since,
        rivals=relatives.rivals,
        siblings=tuple(sibling for sibling in relatives.runs if sibling.uid != run.uid),
        followers=relatives.followers,
        servers=room.configuration.servers,
        answers=room.background.answers(key),
        finalizers=tuple(body["metadata"].get("finalizers", ())),
    )


async def _package(namespace: str, package: Package | None, room: Room) -> str | None:
    if package is None or not package.config_map:
        return None
    body = await room.cluster.get(CONFIG_MAP, namespace, package.config_map)
    text: str | None = (body or {}).get("data", {}).get(package.key)
    return text


def _is_launching(run: RetrainRun) -> bool:
    return run.status.pipeline_run.requested_at is not None and not run.status.pipeline_run.id


async def _relatives(namespace: str, policy: str, policy_uid: str, model: str, room: Room) -> Relatives:
    runs, _ = _parsed(await room.cluster.list(RETRAIN_RUN, namespace), parse_run)
    others = [run for run in runs if run.spec.policy_uid != policy_uid]
    rivals = tuple(run for run in others if model and run.spec.model == model and not finished(run))
    following = [body for body in await room.cluster.list(MODEL_ROLLOUT, namespace) if _follows(body, policy)]
    followers, unreadable = _parsed(following, parse_rollout)
    return Relatives(tuple(run for run in runs if run not in others), rivals, tuple(followers), unreadable)


def _follows(body: Object, policy: str) -> bool:
    reference = body.get("spec", {}).get("modelFrom", {}).get("retrainPolicyRef", {})
    return bool(reference.get("name") == policy)


def _parsed(bodies: Iterable[Object], parse: Callable[[Any], T]) -> tuple[list[T], tuple[str, ...]]:
    """Those that can be parsed, and the names of the others: one broken object must not stop its neighbours."""
    found, unreadable = [], []
    for body in bodies:
        try:
            found.append(parse(body))
        except InvalidSpec:
            unreadable.append(body["metadata"]["name"])
    return found, tuple(unreadable)
