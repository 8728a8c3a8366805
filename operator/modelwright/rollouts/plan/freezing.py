"""At the switch to 100 % stable's last numbers are frozen in status: what the candidate is compared with after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import NO_MOMENTS
from modelwright.analysis.counts import NOTHING
from modelwright.analysis.evidence import Evidence, dispersion_of_stable
from modelwright.analysis.frozen import ENOUGH, frozen_bounds, frozen_mean_bounds
from modelwright.analysis.margin import Margin
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds, During, Metric
from modelwright.api.rollout import Frozen, Stage
from modelwright.metrics.questions import CountsLook, CountsQuestion, MeanLook, MeanQuestion, NoLook
from modelwright.rollouts.plan.asking import during, frozen_of, is_baked_against_stable, questions_of_stable
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.folding import about, fold_counts, fold_moments
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.margins import bounds_read, bounds_written, margin_of


@dataclass(frozen=True)
class Known:
    """What is known of stable at the switch: `frozen`, and `lacking`, which says of each other metric why not."""

    frozen: tuple[Frozen, ...]
    lacking: tuple[str, ...]


def freeze(draft: Draft, judged: Sequence[Judged], alpha: Allocation) -> Known:
    """What is known of stable as its traffic goes, for every metric that is compared with it and due in the bake time.

    Of its part of the error rate the bound takes half, the test against it the other: see `frozen_alpha`.
    """
    known = {item.metric.name: item.evidence for item in judged if isinstance(item.evidence, Evidence | MeanEvidence)}
    known |= _seen_alone(draft)
    found, lacking, version = [], [], draft.stable.model.version
    for metric in filter(is_baked_against_stable, draft.spec.analysis.metrics):
        evidence = known.get(metric.name)
        seen = _seen(evidence)
        if evidence is None or seen < ENOUGH:
            lacking.append(f"{metric.name}: {counted(seen)} observations of {version} were seen, {ENOUGH} are needed")
        elif bounds := _bounds(metric, evidence, alpha.fail / 2):
            low, high = bounds_written(bounds)
            found.append(Frozen(metric.name, _value(evidence), seen, about(metric), draft.now, low, high))
        else:
            lacking.append(f"{metric.name}: whatever it shows would be within the margin of what {version} may have")
    return Known(tuple(found), tuple(lacking))


def not_compared(draft: Draft) -> str:
    """The metrics that are to be compared with stable in the bake time, and are not; "" for none."""
    if draft.status.stage is not Stage.BAKING or during(draft) is not During.BAKE:
        return ""
    baked = filter(is_baked_against_stable, draft.spec.analysis.metrics)
    return ", ".join(metric.name for metric in baked if frozen_of(draft, metric) is None)


def as_frozen(draft: Draft, metric: Metric) -> Metric:
    """`metric` as it is judged now: against a bound, where stable is only known from before."""
    frozen = frozen_of(draft, metric)
    if frozen is None or during(draft) is not During.BAKE:
        return metric
    return replace(metric, stable=None, threshold=bounds_read(frozen.min, frozen.max))


def frozen_alpha(alpha: Allocation) -> Allocation:
    return Allocation(alpha.fail / 2, alpha.pass_)


def explained(draft: Draft, metric: Metric, finding: Finding) -> Finding:
    """`finding` with what the bound comes from."""
    frozen = frozen_of(draft, metric)
    if frozen is None or not finding.samples:
        return finding
    seen = f"stable had {frozen.value} of {counted(frozen.total)} before the switch"
    return replace(finding, stable=frozen.value, message=f"{finding.message}; {seen}")


def unanswered(draft: Draft) -> str:
    """Why nobody knows what stable showed before a switch without any comparison; "" where it is known, if only that
    it has no traffic."""
    for metric, question in questions_of_stable(draft):
        answer = draft.seen.answers.get(question)
        if answer is None:
            return f"{metric.name}: no answer yet"
        if isinstance(answer.value, NoLook) and answer.value.verdict is Verdict.ERROR:
            return f"{metric.name}: {answer.value.message}"
        if isinstance(answer.value, Exception):
            return f"{metric.name}: asking failed: {type(answer.value).__name__}"
    return ""


def _seen_alone(draft: Draft) -> dict[str, Evidence | MeanEvidence]:
    """Before a switch without any comparison: what stable had in the preview."""
    found: dict[str, Evidence | MeanEvidence] = {}
    for metric, question in questions_of_stable(draft):
        answer = draft.seen.answers.get(question)
        if answer and metric.stable and isinstance(question, CountsQuestion | MeanQuestion):
            evidence = _alone(metric, margin_of(metric.stable), answer.value, question.since or draft.now)
            found |= {metric.name: evidence} if evidence else {}
    return found


def _alone(metric: Metric, margin: Margin, look: Any, since: datetime) -> Evidence | MeanEvidence | None:
    if isinstance(look, CountsLook):
        nobody = replace(look, counts=NOTHING, blocks=(), earlier=NOTHING)
        return fold_counts(metric, "", since, look, nobody, margin)
    if isinstance(look, MeanLook):
        unmeasured = replace(look, moments=NO_MOMENTS, blocks=(), earlier=NO_MOMENTS)
        return fold_moments(metric, "", since, look, unmeasured, margin)
    return None


def _seen(evidence: Evidence | MeanEvidence | None) -> int:
    if evidence is None:
        return 0
    return evidence.stable.total if isinstance(evidence, Evidence) else evidence.stable.seen.count


def _value(evidence: Evidence | MeanEvidence) -> str:
    if isinstance(evidence, Evidence):
        return shown(evidence.stable.events / evidence.stable.total)
    return shown(evidence.mean_of_stable)


def _bounds(metric: Metric, evidence: Evidence | MeanEvidence, alpha: float) -> Bounds | None:
    assert metric.stable is not None
    margin = margin_of(metric.stable)
    if isinstance(evidence, MeanEvidence):
        return frozen_mean_bounds(evidence, margin, alpha)
    return frozen_bounds(evidence.stable, dispersion_of_stable(evidence), margin, alpha)
