"""At the switch to 100 % stable's last numbers are frozen in status: what the candidate is compared with after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.evidence import Evidence, dispersion_of_stable
from modelwright.analysis.frozen import frozen_bounds
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.verdict import Finding
from modelwright.api.metrics import Bounds, During, Metric
from modelwright.api.rollout import Frozen
from modelwright.metrics.questions import CountsLook, CountsQuestion
from modelwright.rollouts.plan.asking import during, frozen_of, questions_of_stable
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.folding import about, fold_counts
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.margins import margin_of


def freeze(draft: Draft, judged: Sequence[Judged], alpha: Allocation) -> tuple[Frozen, ...]:
    """What is known of stable as its traffic goes, for every metric that is compared with it and due in the bake time.

    Of its part of the error rate the bound takes half, the test against it the other: see `frozen_alpha`.
    """
    known = {item.metric.name: item.evidence for item in judged if isinstance(item.evidence, Evidence)}
    known |= _seen_alone(draft)
    found = []
    for metric in draft.spec.analysis.metrics:
        evidence = known.get(metric.name)
        if evidence is None or not metric.stable or not metric.proportion or During.BAKE not in metric.during:
            continue
        stable = evidence.stable
        bounds = frozen_bounds(stable, dispersion_of_stable(evidence), margin_of(metric.stable), alpha.fail / 2)
        if bounds:
            low, high = (f"{limit:f}" if limit is not None else "" for limit in (bounds.min, bounds.max))
            found.append(Frozen(metric.name, stable.events, stable.total, about(metric), draft.now, low, high))
    return tuple(found)


def as_frozen(draft: Draft, metric: Metric) -> Metric:
    """`metric` as it is judged now: against a bound, where stable is only known from before."""
    frozen = frozen_of(draft, metric)
    if frozen is None or during(draft) is not During.BAKE:
        return metric
    low, high = (Decimal(limit) if limit else None for limit in (frozen.min, frozen.max))
    return replace(metric, stable=None, threshold=Bounds(low, high))


def frozen_alpha(alpha: Allocation) -> Allocation:
    return Allocation(alpha.fail / 2, alpha.pass_)


def explained(draft: Draft, metric: Metric, finding: Finding) -> Finding:
    """`finding` with what the bound comes from."""
    frozen = frozen_of(draft, metric)
    if frozen is None or not finding.samples:
        return finding
    share = shown(frozen.events / frozen.total)
    says = f"{finding.message}; stable had {share} of {counted(frozen.total)} before the switch"
    return replace(finding, stable=share, message=says)


def _seen_alone(draft: Draft) -> dict[str, Evidence]:
    """Before a switch without any comparison: stable's counts of the preview."""
    found = {}
    for metric, question in questions_of_stable(draft):
        answer = draft.seen.answers.get(question)
        if answer and isinstance(answer.value, CountsLook) and isinstance(question, CountsQuestion):
            found[metric.name] = _counted(metric, answer.value, question.since or draft.now)
    return found


def _counted(metric: Metric, look: CountsLook, since: datetime) -> Evidence:
    assert metric.stable is not None
    nobody = replace(look, counts=NOTHING, blocks=(), earlier=Counts(0, 0))
    return fold_counts(metric, "", since, look, nobody, margin_of(metric.stable))
