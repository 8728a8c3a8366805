"""One metric's newest finding, and what it lets a rollout do: hold, go to 100 %, or neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from modelwright.analysis.bounded import BoundedEvidence
from modelwright.analysis.bounded_means import BoundedMeanEvidence
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.analysis.weekly import Weekly
from modelwright.api.metrics import Metric, Mode, RequiredFor

StepEvidence = Evidence | MeanEvidence | BoundedEvidence | BoundedMeanEvidence | Weekly[Evidence] | Weekly[MeanEvidence]
"""What the blocks of a step add up to, by kind of metric."""

ENOUGH_SAMPLES = 50
"""Observations of the candidate below which a comparison says nothing about a step."""


@dataclass(frozen=True)
class Judged:
    """`asked_at` is when the older of its two looks was asked, None without any.

    `in_a_row` counts looks with this verdict. `pending`: its labels cannot be there yet, so it is not due. `optional`:
    it may fail, but nobody waits for it; `waived`: because a person said so. `permanent` marks what a person has to
    mend. `evidence` is what the looks of this step have added up to, None as before; not `kept` while it may still
    begin with more knowledge (hour.py).
    """

    metric: Metric
    finding: Finding
    asked_at: datetime | None
    in_a_row: int = 0
    permanent: bool = False
    pending: bool = False
    optional: bool = False
    waived: bool = False
    evidence: StepEvidence | None = None
    kept: bool = True

    @property
    def decides(self) -> bool:
        return self.metric.mode is Mode.DECIDE

    @property
    def awaited(self) -> bool:
        """Whether the hold needs a fresh look at it."""
        return self.decides and not self.pending and not self.optional

    @property
    def fails(self) -> bool:
        patience = self.metric.limits.fail if self.metric.threshold or self.metric.history else 1
        return self.decides and self.finding.verdict is Verdict.FAIL and self.in_a_row >= patience

    @property
    def unseen(self) -> bool:
        """Whether nobody can see what nobody has to wait for: that few or none came is an answer, an error is not."""
        return self.decides and self.optional and not self.waived and self.finding.verdict is Verdict.ERROR

    @property
    def lets_hold(self) -> bool:
        """Steps need no failure with enough samples; a metric that is required for every step needs a Pass."""
        if self.unseen:
            return False
        if not self.awaited or self.finding.verdict is Verdict.PASS:
            return True
        if self.metric.goal:
            # A test goes on for as long as nothing is worse; only its end asks for more.
            return self.finding.verdict is not Verdict.FAIL
        return (
            self.finding.verdict is Verdict.INCONCLUSIVE
            and self.metric.required_for is RequiredFor.PROMOTION
            and self.finding.samples >= ENOUGH_SAMPLES
        )

    @property
    def lets_promote(self) -> bool:
        return not self.decides or (self.optional and not self.unseen) or self.finding.verdict is Verdict.PASS

    @property
    def lacks_data(self) -> bool:
        """No number at all. Too few observations are a number that is still growing."""
        return self.awaited and self.finding.verdict in (Verdict.NO_DATA, Verdict.ERROR) and self.finding.samples == 0


def oldest_look(judged: Iterable[Judged], otherwise: datetime) -> datetime | None:
    """When the oldest awaited look was asked: None if one was never answered, `otherwise` if none is awaited."""
    times = [item.asked_at for item in judged if item.awaited]
    return None if any(time is None for time in times) else min((time for time in times if time), default=otherwise)
