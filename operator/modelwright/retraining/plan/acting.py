"""What the triggers that fire lead to: a run of which purpose, or the way back, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelwright.api.limits import Concurrency
from modelwright.api.policy import ApprovedModel, Champion, Reverted
from modelwright.api.run import Evidence, Purpose
from modelwright.api.triggers import Action, Trigger
from modelwright.retraining.plan import evaluating, lineage
from modelwright.retraining.plan.limits import (
    BEFORE_CREATING,
    BEFORE_CREATING_BY_HAND,
    BEFORE_CREATING_ON_LOOKS,
    BEFORE_EVALUATING,
    Hold,
    Limit,
    Situation,
    first_hold,
)
from modelwright.retraining.plan.reverting import revert
from modelwright.retraining.plan.triggers import TriggerSeen


@dataclass(frozen=True)
class Decision:
    """`evidence` starts a run for `purpose` now. `hold` is what holds back the first of those that fire and may not act
    (`firing`: there are such), or what would hold one back now."""

    evidence: tuple[Evidence, ...]
    purpose: Purpose
    reverted: Reverted | None
    firing: bool
    hold: Hold | None


def decide(
    triggers: Iterable[Trigger],
    looks: Iterable[TriggerSeen],
    asked: Evidence | None,
    champion: Champion | None,
    approved: ApprovedModel | None,
    situation: Situation,
) -> Decision:
    """`asked` is the evidence of a person who retrains by hand."""
    fires = [
        (trigger, look.evidence, look.hold)
        for trigger, look in zip(triggers, looks, strict=True)
        if look.evidence is not None
    ]
    judged = evaluating.failed(situation.runs, champion)
    asked_for: _Held = [(evidence, None) for evidence in (*filter(None, (asked,)), *judged)]
    retrain = _released((*asked_for, *_of(fires, Action.RETRAIN)), situation)
    evaluate = _held(_of(fires, Action.EVALUATE), BEFORE_EVALUATING, situation)
    reverted, reverts = None, []
    for trigger, evidence, _ in fires:
        if trigger.action is Action.REVERT:
            found = revert(trigger, evidence, champion, approved, situation)
            reverted = found if isinstance(found, Reverted) else reverted
            reverts.append((evidence, found if isinstance(found, Hold) else None))
    released = _free(retrain)
    purpose = Purpose.RETRAIN if released else Purpose.EVALUATE
    named = {each.trigger for each in released}
    released += tuple(each for each in _free(evaluate) if each.trigger not in named)
    acting = (*retrain, *evaluate, *reverts)
    otherwise = None if acting else first_hold(BEFORE_CREATING_ON_LOOKS, situation)
    hold = next((hold for _, hold in acting if hold), otherwise)
    return Decision(_once(released), purpose, reverted, bool(acting), hold)


_Held = list[tuple[Evidence, Hold | None]]
"""Evidence, and what holds it back."""


def _of(fires: Iterable[tuple[Trigger, Evidence, Hold | None]], action: Action) -> _Held:
    return [(evidence, hold) for trigger, evidence, hold in fires if trigger.action is action]


def _once(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first of each trigger: what an evaluation was started for may fire beside it."""
    found: dict[str, Evidence] = {}
    for each in evidence:
        found.setdefault(each.trigger, each)
    return tuple(found.values())


def _free(held: _Held) -> tuple[Evidence, ...]:
    return tuple(evidence for evidence, hold in held if hold is None)


def _held(firing: _Held, chain: tuple[Limit, ...], situation: Situation) -> _Held:
    hold = first_hold(chain, situation) if firing else None
    return [(evidence, own or hold) for evidence, own in firing]


def _released(firing: Iterable[tuple[Evidence, Hold | None]], situation: Situation) -> _Held:
    """By what each waits for: those that fire for as long as something lasts also for the end of `settle`."""
    on_looks = first_hold(BEFORE_CREATING_ON_LOOKS, situation)
    taking_over = replace(situation, replaces=situation.policy.spec.limits.concurrency is Concurrency.REPLACE)
    on_occasions = first_hold(BEFORE_CREATING, taking_over)
    asked_for = first_hold(BEFORE_CREATING_BY_HAND, taking_over)

    def hold(each: Evidence) -> Hold | None:
        return asked_for if lineage.by_hand((each,)) else on_occasions if each.occasion else on_looks

    return [(evidence, own or hold(evidence)) for evidence, own in firing]
