"""What the newest answers say about the candidate: one finding for each metric that is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.bounded import proportion_within
from modelwright.analysis.bounded_means import mean_within
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.guardrail import compare, compare_means, intervals, stable_limit
from modelwright.analysis.history import history_bounds, past_of
from modelwright.analysis.margin import Margin
from modelwright.analysis.reigns import rollouts
from modelwright.analysis.share import observed_share
from modelwright.analysis.threshold import fast_limit, within
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.durations import format_duration
from modelwright.api.metrics import History, Metric
from modelwright.api.rollout import MetricStatus
from modelwright.cluster.answers import Answer
from modelwright.metrics.questions import CountsLook, HistoryLook, MeanLook, NoLook, ValueLook
from modelwright.rollouts.plan.asking import (
    PAST,
    asks_for_share,
    due,
    during,
    evidence_begins,
    is_optional,
    questions_of,
    share_asked,
    share_questions,
)
from modelwright.rollouts.plan.course import audience_of
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.folding import (
    JUST_NOW,
    LATELY,
    fold_bounded,
    fold_bounded_moments,
    fold_counts,
    fold_moments,
    newest,
)
from modelwright.rollouts.plan.freezing import as_frozen, explained, frozen_alpha
from modelwright.rollouts.plan.goals import fold_goal, is_waived, judge_test, test_ends
from modelwright.rollouts.plan.hour import HOUR_BEFORE, look_before
from modelwright.rollouts.plan.judged import ENOUGH_SAMPLES, Judged, StepEvidence
from modelwright.rollouts.plan.margins import margin_of
from modelwright.rollouts.plan.remembered import MOST
from modelwright.rollouts.plan.spending import allocation_of, spend

Looks = Mapping[str, Any]
"""By arm: a CountsLook, MeanLook, ValueLook or HistoryLook, or the Finding that says why there is none."""


def judge(draft: Draft) -> tuple[Judged, ...]:
    """The finding of every metric that is due, from the newest answers to this step's questions."""
    step = draft.status.step
    if not step or not step.evidence_since or step.evidence_since > draft.now:
        return ()
    # What was edited since the last pass is another test from here on.
    spend(draft)
    where = during(draft)
    judged = []
    for written in draft.spec.analysis.metrics:
        metric = as_frozen(draft, written)
        if due(metric, where):
            alpha = allocation_of(draft.status, draft.spec, metric.name)
            part = alpha if metric is written else frozen_alpha(alpha)
            waived = is_waived(draft, metric)
            item = _judge_one(draft, metric, part, optional=waived or is_optional(metric, where))
            item = replace(item, waived=waived)
            if metric is not written:
                item = replace(item, finding=explained(draft, written, item.finding))
            judged.append(item)
    return tuple(judged)


def judge_share(draft: Draft) -> Finding:
    """Whether the traffic seen since the route accepted the weight is the traffic asked for."""
    step = draft.status.step
    assert step is not None
    if not asks_for_share(draft):
        return Finding(Verdict.PASS, "RouteAccepted", "the route accepted the weights")
    looks = {arm: _look(draft.seen.answers.get(asked)) for arm, asked in share_questions(draft).items()}
    missing = next((look for look in looks.values() if isinstance(look, Finding)), None)
    if missing:
        return missing
    candidate = looks["candidate"].counts
    if "stable" not in looks:
        reached = candidate.total >= ENOUGH_SAMPLES
        verdict = Verdict.PASS if reached else Verdict.INCONCLUSIVE
        says = "copies of requests arrive" if step.mirror else "the candidate serves all traffic"
        return Finding(verdict, "ObservedShare", says, candidate.total)
    return observed_share(looks["stable"].counts.total, candidate.total, weight=share_asked(draft))


def _judge_one(draft: Draft, metric: Metric, alpha: Allocation, *, optional: bool) -> Judged:
    begins = evidence_begins(draft, metric)
    assert begins is not None
    if begins > draft.now:
        reason, late = _why_late(metric)
        return Judged(metric, Finding(Verdict.INCONCLUSIVE, reason, late), None, pending=True, optional=optional)
    asked = questions_of(draft, metric, begins)
    answers = [draft.seen.answers.get(question) for question in asked.values()]
    # The past is asked for seldom, and does not grow old.
    newest_of = [answer for arm, answer in zip(asked, answers, strict=True) if arm != PAST]
    times = [answer.started_at for answer in newest_of if answer]
    asked_at = min(times) if len(times) == len(newest_of) else None
    known = next((status for status in draft.status.metrics if status.name == metric.name), None)
    looks: dict[str, Any] = {arm: _look(answer) for arm, answer in zip(asked, answers, strict=True)}
    saved = known.evidence if known else ""
    looks[HOUR_BEFORE], kept = look_before(draft, metric, begins)
    if metric.history:
        finding, evidence = _against_history(draft, metric.history, looks), None
    elif metric.goal:
        finding, evidence = _goal(draft, metric, looks, saved, begins, alpha)
    else:
        finding, evidence = _finding(metric, looks, saved, begins, alpha)
    return Judged(
        metric,
        finding,
        asked_at,
        in_a_row=_in_a_row(draft, known, finding.verdict, asked_at),
        permanent=any(a and isinstance(a.value, NoLook) and a.value.permanent for a in answers),
        evidence=evidence,
        kept=kept,
        optional=optional,
    )


def _why_late(metric: Metric) -> tuple[str, str]:
    if metric.goal and metric.goal.ignore_first:
        ignored = format_duration(metric.goal.ignore_first)
        return "FirstHoursIgnored", f"the first {ignored} of the test do not count"
    return "LabelsPending", f"labels come {format_duration(metric.horizon)} after the predictions of this step"


def _goal(
    draft: Draft, metric: Metric, looks: Looks, saved: str, begins: datetime, alpha: Allocation
) -> tuple[Finding, StepEvidence | None]:
    missing = next((look for look in looks.values() if isinstance(look, Finding)), None)
    if missing:
        return missing, None
    evidence = fold_goal(metric, saved, begins, looks["stable"], looks["candidate"])
    percent = audience_of(draft.spec, draft.given)
    return judge_test(metric, evidence, begins, test_ends(draft), alpha, percent=percent), evidence


def _finding(
    metric: Metric, looks: Looks, saved: str, begins: datetime, alpha: Allocation
) -> tuple[Finding, StepEvidence | None]:
    """The finding, and evidence that goes beyond what is saved."""
    candidate, stable = looks["candidate"], looks.get("stable")
    outside_statistics = _stable_limit(metric, stable) or _fast_limit(metric, candidate)
    if outside_statistics:
        return outside_statistics, None
    missing = next((look for look in looks.values() if isinstance(look, Finding)), None)
    if missing:
        return missing, None
    if isinstance(candidate, ValueLook):
        assert metric.threshold is not None
        return within(candidate.value, candidate.samples, metric.threshold), None
    if metric.stable and stable is not None:
        return _against_stable(metric, looks, saved, begins, alpha)
    if metric.threshold and metric.mean:
        moments = fold_bounded_moments(metric, saved, begins, candidate, metric.threshold)
        return _within_mean(moments, metric.threshold, alpha), moments
    if metric.threshold:
        bounded = fold_bounded(metric, saved, begins, candidate, metric.threshold)
        return _within_proportion(bounded, metric.threshold, alpha), bounded
    return _fast_limit_only(candidate.counts), None


def _against_history(draft: Draft, history: History, looks: Looks) -> Finding:
    """The candidate's value against what was usual for whichever revision was stable at this hour."""
    missing = next((look for look in looks.values() if isinstance(look, Finding)), None)
    if missing:
        return missing
    candidate, past = looks["candidate"], looks[PAST]
    known = past_of(past.points, past.until, history, rollouts(draft.status, draft.now))
    bounds = history_bounds(known, history.deviations)
    return bounds if isinstance(bounds, Finding) else within(candidate.value, candidate.samples, bounds)


def _against_stable(
    metric: Metric, looks: Looks, saved: str, begins: datetime, alpha: Allocation
) -> tuple[Finding, StepEvidence]:
    assert metric.stable is not None
    margin = margin_of(metric.stable)
    stable, candidate, hour = looks["stable"], looks["candidate"], looks[HOUR_BEFORE]
    if metric.mean:
        moments = fold_moments(metric, saved, begins, stable, candidate, margin, hour)
        return _compared_means(moments, margin, alpha), moments
    evidence = fold_counts(metric, saved, begins, stable, candidate, margin, hour)
    return _compared(evidence, margin, alpha), evidence


@lru_cache(maxsize=MOST)
def _compared(evidence: Evidence, margin: Margin, alpha: Allocation) -> Finding:
    finding = compare(evidence, margin, alpha)
    if finding.verdict is Verdict.INCONCLUSIVE and margin.surely_beyond(*intervals(evidence, alpha.pass_)):
        # Too early to roll back for sure, as errors may come in bursts, but nothing to send more traffic to: without
        # samples neither a step nor the promotion goes on.
        finding = replace(finding, reason="PerhapsWorse", samples=0)
    return finding


_compared_means = lru_cache(maxsize=MOST)(compare_means)
_within_proportion = lru_cache(maxsize=MOST)(proportion_within)
_within_mean = lru_cache(maxsize=MOST)(mean_within)


def _fast_limit_only(counts: Counts) -> Finding:
    if counts.total < ENOUGH_SAMPLES:
        return Finding(Verdict.NO_DATA, "TooFewSamples", f"needs {ENOUGH_SAMPLES} observations", counts.total)
    return Finding(Verdict.PASS, "WithinFastLimit", "below its fast limit", counts.total)


def _fast_limit(metric: Metric, candidate: Any) -> Finding | None:
    """Fail beyond the limit, over all of the step or the newest minutes: health before must not hide a disaster."""
    if metric.fast_limit is None or not isinstance(candidate, CountsLook):
        return None
    found = (fast_limit(counts, metric.fast_limit) for counts in (candidate.counts, newest(candidate, LATELY)))
    return next((finding for finding in found if finding.verdict is Verdict.FAIL), None)


def _stable_limit(metric: Metric, stable: Any) -> Finding | None:
    """If stable is beyond its own limit neither arm can be judged, and the way back leads nowhere better."""
    if metric.stable_limit is None or not isinstance(stable, CountsLook):
        return None
    found = (stable_limit(newest(stable, span), metric.stable_limit.max) for span in (JUST_NOW, LATELY))
    return next((finding for finding in found if finding), None)


def _look(answer: Answer | None) -> Any:
    look = answer.value if answer else None
    if isinstance(look, CountsLook | MeanLook | ValueLook | HistoryLook):
        return look
    if isinstance(look, NoLook):
        return Finding(look.verdict, look.reason, look.message)
    if isinstance(look, Exception):
        return Finding(Verdict.ERROR, "QueryFailed", f"asking failed: {type(look).__name__}")
    return Finding(Verdict.NO_DATA, "NotYetMeasured", "no answer yet")


def _in_a_row(draft: Draft, known: MetricStatus | None, verdict: Verdict, asked_at: datetime | None) -> int:
    """How many looks in a row had this verdict, told from when the first was asked: counting them would write each.

    A new stage or a resumed pause begins anew.
    """
    if asked_at is None:
        return 0
    if known is None or known.verdict != verdict or known.since is None:
        return 1
    since = max(known.since, draft.status.stage_since or known.since)
    return 1 + max(0, round((asked_at - since) / draft.spec.analysis.interval))
