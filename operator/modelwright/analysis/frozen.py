"""What stable showed up to the switch, as a bound on the candidate that holds once stable has no traffic.

The bound is the margin above the upper end of stable's confidence sequence. A candidate within the margin is beyond it
only if that sequence errs: with the error rates of both added, a test against the bound keeps theirs, whenever the
switch comes. That stable would have gone on as before is proven by nothing: hence only for a while (`FROZEN_FOR`).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import floor, log10

from modelwright.analysis.counts import Counts
from modelwright.analysis.margin import Margin
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.sequence import confidence_sequence
from modelwright.api.metrics import Bounds

FROZEN_FOR = timedelta(hours=1)
"""How long after the switch what stable showed before it is the other arm: traffic changes with the hour."""
ENOUGH = 50
"""Observations of stable below which nothing is known about it."""
_PLACES = Decimal("0.000001")


def frozen_bounds(stable: Counts, dispersion: float, margin: Margin, alpha: float) -> Bounds | None:
    """Bounds that a candidate within `margin` of stable keeps, but with probability `alpha` over all times of freezing.

    None where too little was seen of stable, or where every candidate is within. Raises ValueError for an alpha outside
    (0, 1).
    """
    if stable.total < ENOUGH:
        return None
    worst = confidence_sequence(margin.bad(stable), alpha, dispersion=dispersion).high
    # Errs in the candidate's favour.
    limit = Decimal(margin.bad_limit(worst)).quantize(_PLACES, ROUND_CEILING)
    if limit >= 1:
        return None
    return Bounds(min=1 - limit) if margin.mirrored else Bounds(max=limit)


def frozen_mean_bounds(evidence: MeanEvidence, margin: Margin, alpha: float) -> Bounds | None:
    """As `frozen_bounds`, for the mean that stable has in `evidence`, in the metric's unit."""
    if evidence.out_of_bounds or evidence.stable.seen.count < ENOUGH:
        return None
    of_stable = evidence.interval_of_stable(alpha)
    places = max(0, min(9, 6 - floor(log10(evidence.highest - evidence.lowest))))
    step, lowest, highest = Decimal(1).scaleb(-places), evidence.lowest, evidence.highest
    # Errs in the candidate's favour.
    if margin.mirrored:
        least = Decimal(margin.limit(of_stable.low)).quantize(step, ROUND_FLOOR)
        return Bounds(min=least) if least > lowest else None
    most = Decimal(margin.limit(of_stable.high)).quantize(step, ROUND_CEILING)
    return Bounds(max=most) if most < highest else None
