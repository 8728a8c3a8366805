"""Judges a guardrail against stable: Pass, Fail or not yet, with a known error rate however often it is asked.

Pass needs the whole confidence interval of the difference within the margin: "not yet rejected" is not a Pass. Fail
comes from evidence.harm, which finds faults that begin late and withstands bursts. Neither asks when or how often
somebody looks.
"""

from __future__ import annotations

from decimal import Decimal
from math import log

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence, larger_dispersion
from modelwright.analysis.margin import Margin
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.numbers import counted, shown, signed
from modelwright.analysis.sequence import Interval, confidence_sequence
from modelwright.analysis.starts import DOUBT, LEAST_BLOCKS, Recent
from modelwright.analysis.verdict import Finding, Verdict


def compare(evidence: Evidence, margin: Margin, alpha: Allocation) -> Finding:
    """The verdict on two proportions with the accepted margin.

    A candidate within the margin ever fails with probability at most `alpha.fail`, one beyond it ever passes with at
    most `alpha.pass_`. Reasons: WithinMargin, WorseThanStable, NotYetDecided, RecentlyWorse, NoSamples.
    """
    stable, candidate = evidence.stable, evidence.candidate
    samples = min(stable.total, candidate.total)
    if samples == 0:
        return _no_samples(stable.total, candidate.total, margin)
    both = intervals(evidence, alpha.pass_)
    values = stable.events / stable.total, candidate.events / candidate.total
    recently = _recently(evidence.harm.clearest, margin)
    spent = alpha_spent(evidence, alpha.fail)
    doubted = evidence.harm.clearest.log >= DOUBT
    verdict, reason, message = _judged(margin, both, (stable.total, candidate.total), recently, spent, doubted)
    return _finding(verdict, reason, message, values, both, samples, margin)


def compare_means(evidence: MeanEvidence, margin: Margin, alpha: Allocation) -> Finding:
    """As `compare`, for means of bounded observations.

    Besides the reasons of `compare` there is OutsideBounds, an Error: no guarantee holds.
    """
    if evidence.out_of_bounds:
        message = f"sums that no observations between {shown(evidence.lowest)} and {shown(evidence.highest)} have"
        return Finding(Verdict.ERROR, "OutsideBounds", message, bound=margin.bound)
    stable, candidate = evidence.stable.seen.count, evidence.candidate.seen.count
    samples = min(stable, candidate)
    if samples == 0:
        return _no_samples(stable, candidate, margin)
    both = evidence.intervals(alpha.pass_)
    recently = _mean_recently(evidence)
    spent = alpha_spent(evidence, alpha.fail)
    doubted = evidence.harm.clearest.log >= DOUBT
    verdict, reason, message = _judged(margin, both, (stable, candidate), recently, spent, doubted)
    return _finding(verdict, reason, message, evidence.means(), both, samples, margin)


def stable_limit(stable: Counts, maximum: Decimal, min_events: int = 20) -> Finding | None:
    """Inconclusive if stable itself is beyond `maximum` on at least `min_events` events, else None.

    Give it recent counts. It takes the place of a comparison: against a stable that is unhealthy too, neither a Pass
    nor a Fail means anything, and going back would not help. Its samples are 0, so that nothing goes on meanwhile.
    Reason: StableUnhealthy.
    """
    if stable.events < max(min_events, 1) or stable.events <= float(maximum) * stable.total:
        return None
    share = shown(stable.events / stable.total)
    seen = f"{counted(stable.events)} of {counted(stable.total)} ({share})"
    message = f"stable itself shows {seen}, beyond its limit {maximum:f}: nothing can be judged against it"
    return Finding(Verdict.INCONCLUSIVE, "StableUnhealthy", message, stable=share, bound=f"stable ≤ {maximum:f}")


def intervals(evidence: Evidence, alpha: float) -> tuple[Interval, Interval]:
    """Bounds of stable's and the candidate's proportion, which both hold at all looks with probability 1 - `alpha`."""
    dispersion = larger_dispersion(evidence)
    return (
        confidence_sequence(evidence.stable, alpha / 2, dispersion=dispersion),
        confidence_sequence(evidence.candidate, alpha / 2, dispersion=dispersion),
    )


def alpha_spent(evidence: Evidence | MeanEvidence, alpha: float) -> bool:
    """Whether the evidence against the candidate has reached what chance reaches with probability `alpha` only."""
    return evidence.harm.log_e >= -log(alpha) and evidence.harm.clearest.blocks >= LEAST_BLOCKS


def difference_text(values: tuple[float, float], both: tuple[Interval, Interval]) -> str:
    """Such as "difference −0.0002 [−0.0011, +0.0007]": candidate minus stable."""
    stable, candidate = both
    seen = signed(values[1] - values[0])
    return f"difference {seen} [{signed(candidate.low - stable.high)}, {signed(candidate.high - stable.low)}]"


def _judged(
    margin: Margin,
    both: tuple[Interval, Interval],
    observed: tuple[int, int],
    recently: str,
    spent: bool,
    doubted: bool,
) -> tuple[Verdict, str, str]:
    if spent:
        return Verdict.FAIL, "WorseThanStable", f"beyond {margin.text}: {recently}"
    if not margin.surely_within(*both):
        message = f"not yet clear of {margin.text} after {_observed(*observed)}"
        return Verdict.INCONCLUSIVE, "NotYetDecided", message
    if doubted:
        message = f"within {margin.text} so far, but perhaps not any more: {recently}"
        return Verdict.INCONCLUSIVE, "RecentlyWorse", message
    return Verdict.PASS, "WithinMargin", f"within {margin.text}"


def _recently(recent: Recent[Counts], margin: Margin) -> str:
    stable, candidate = margin.bad(recent.stable), margin.bad(recent.candidate)
    arms = [
        f"{name} {shown(counts.events / counts.total)} of {counted(counts.total)}"
        for name, counts in (("candidate", candidate), ("stable", stable))
        if counts.total
    ]
    return _since(recent.blocks, arms)


def _mean_recently(evidence: MeanEvidence) -> str:
    recent = evidence.harm.clearest
    arms = [
        f"{name} {shown(evidence.unscaled(seen.sum / seen.count))} from {counted(seen.count)}"
        for name, seen in (("candidate", recent.candidate), ("stable", recent.stable))
        if seen.count
    ]
    return _since(recent.blocks, arms)


def _since(blocks: int, arms: list[str]) -> str:
    return f"in the last {counted(blocks * int(BLOCK.total_seconds()))} s " + ", ".join(arms)


def _finding(
    verdict: Verdict,
    reason: str,
    message: str,
    values: tuple[float, float],
    both: tuple[Interval, Interval],
    samples: int,
    margin: Margin,
) -> Finding:
    text = f"{difference_text(values, both)}, {message}"
    return Finding(verdict, reason, text, samples, shown(values[0]), shown(values[1]), margin.bound)


def _observed(stable: int, candidate: int) -> str:
    return f"{counted(candidate)} candidate and {counted(stable)} stable observations"


def _no_samples(stable: int, candidate: int, margin: Margin) -> Finding:
    missing = " and ".join(name for name, count in (("stable", stable), ("candidate", candidate)) if count == 0)
    message = f"no observations of {missing} yet, a comparison needs both"
    return Finding(Verdict.NO_DATA, "NoSamples", message, bound=margin.bound)
