"""Reading statuses back, also of an object whose spec is invalid: what is stable or approved must not be lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.parsing import shared
from modelwright.api.policy import PolicyStatus
from modelwright.api.records import read_record
from modelwright.api.rollout import RolloutStatus
from modelwright.api.run import RunStatus


def parse_rollout_status(body: Mapping[str, Any]) -> RolloutStatus:
    """The status in `body`, or the empty one. Raises InvalidSpec where somebody wrote what we never write."""
    return read_record(RolloutStatus, shared.status(body))


def parse_policy_status(body: Mapping[str, Any]) -> PolicyStatus:
    """The status in `body`, or the empty one. Raises InvalidSpec where somebody wrote what we never write."""
    return read_record(PolicyStatus, shared.status(body))


def parse_run_status(body: Mapping[str, Any]) -> RunStatus:
    """The status in `body`, or the empty one. Raises InvalidSpec where somebody wrote what we never write."""
    return read_record(RunStatus, shared.status(body))
