"""What a split needs besides two weights, made by us next to what is somebody else's: what there is, or why not.

Beside a route of the Gateway API that is a route of our own (testers_route.py), in an Istio VirtualService entries of
our own (own_entries.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelwright.api.ab_test import Audience
from modelwright.api.audience import match_of
from modelwright.api.rollout import HeaderMatch, ModelRollout, RolloutSpec
from modelwright.traffic.acceptance import Acceptance
from modelwright.traffic.route import HEADER_MATCH, REGULAR_EXPRESSION_MATCH

Testers = tuple[HeaderMatch, ...]

EVERYBODY: Testers = (HeaderMatch("", ""),)
"""The audience of a match without headers: nobody's record, so that it is lowered."""


NOBODY_HAS_TO = Acceptance(True)


@dataclass(frozen=True)
class Additions:
    """`fits`: they are what we would make now for what they give. `cannot` says why for what cannot be made at all."""

    testers: Testers = ()
    mirror: int = 0
    exist: bool = False
    fits: bool = True
    answer: Acceptance = NOBODY_HAS_TO
    changed_by: str = ""  # who changed them last, "" where that was us, or where nobody can tell
    cannot: Mapping[str, str] = field(default_factory=dict)


def testers_wanted(rollout: ModelRollout) -> tuple[Testers, ...]:
    """Every audience that the strategy leads to the candidate at any time, and the one that is recorded."""
    candidate = rollout.status.candidate
    recorded = (candidate.testers,) if candidate and candidate.testers else ()
    return tuple(dict.fromkeys((*_of_strategy(rollout.spec), *recorded)))


def without_testers(why: str) -> dict[str, str]:
    return {HEADER_MATCH: why, REGULAR_EXPRESSION_MATCH: why} if why else {}


def audience_in(matches: Sequence[Testers], recorded: Testers) -> Testers:
    """Who is led to the candidate by rules with these header matches: the recorded audience, or any other.

    A match that asks for more than the record gives less than that, and counts as it.
    """
    if not matches:
        return ()
    if recorded and all(_known(recorded) <= _known(match) for match in matches):
        return recorded
    if not all(matches):
        return EVERYBODY
    return tuple(dict.fromkeys(header for match in matches for header in match))


def _known(testers: Testers) -> set[tuple[Any, ...]]:
    return {(header.name.lower(), header.value, header.type) for header in testers}


def _of_strategy(spec: RolloutSpec) -> tuple[Testers, ...]:
    if spec.ab_test:
        return ((match_of(spec.ab_test.audience),),)
    matched = tuple(step.match for step in spec.steps if step.match)
    # Which buckets they are makes no difference to what else may match.
    return (
        (*matched, (match_of(Audience(1, spec.sticky_by.header, spec.sticky_by.cookie)),))
        if spec.sticky_by
        else matched
    )
