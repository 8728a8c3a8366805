"""Stores what happened in the status of every policy that it concerns: the intent to look, and nothing more.

Two writers write that status, this one and the policy's reconcile; each names the version that it read, so the later
one reads again, and neither loses what the other wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from modelwright.api.parsing import parse_policy
from modelwright.api.serialising import policy_status
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_POLICY
from modelwright.errors import Conflict, InvalidSpec
from modelwright.receiving.formats import Occurrence
from modelwright.receiving.inbox import concerned, with_occurrences

TRIES = 10


async def store(
    cluster: Cluster, namespace: str, occurrences: Sequence[Occurrence], now: Callable[[], datetime]
) -> int:
    """How many policies of `namespace` the occurrences concern; all of them are stored when this returns.

    Raises Full, Conflict where others write all the time, or what `Cluster` raises: they have to be sent again.
    """
    matched = 0
    for body in await cluster.list(RETRAIN_POLICY, namespace):
        if await _store_in(cluster, body, occurrences, now):
            matched += 1
    return matched


async def _store_in(
    cluster: Cluster, found: dict[str, Any], occurrences: Sequence[Occurrence], now: Callable[[], datetime]
) -> bool:
    body: dict[str, Any] | None = found
    for _ in range(TRIES):
        if body is None:
            return False
        try:
            policy = parse_policy(body)
        except InvalidSpec:
            # Its own conditions say so. What it would have waited for cannot be told.
            return False
        if not any(concerned(policy, occurrence) for occurrence in occurrences):
            return False
        events = with_occurrences(policy, occurrences, now())
        if events == policy.status.events:
            return True
        status = policy_status(replace(policy.status, events=events))
        try:
            await cluster.replace(RETRAIN_POLICY, {**body, "status": status}, subresource="status")
        except Conflict:
            body = await cluster.get(RETRAIN_POLICY, policy.namespace, policy.name)
        else:
            return True
    raise Conflict(f"RetrainPolicy '{found['metadata']['name']}' is being written all the time")
