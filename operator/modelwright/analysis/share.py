"""Does the data plane send the share of traffic that the route asks for? Decides confirmed, mismatch or not yet.

Weighted routing is a coin toss per request, so the requests seen per arm are binomial and the confidence sequence of
sequence.py applies to the candidate's share. Its prior sits at the weight: there it is tightest.
"""

from __future__ import annotations

from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.sequence import Prior, confidence_sequence
from modelwright.analysis.verdict import Finding, Verdict

# A false mismatch stops a healthy rollout, so it is rare over all looks together.
MISMATCH_ERROR = 0.001
# A false confirmation only starts the clock too early, and to be surer of it costs requests: at 10 % half again.
CONFIRMATION_ERROR = 0.05
# As many requests as a typical confirmation needs: the prior weighs about as much as the evidence.
_PRIOR_REQUESTS = 1000


def observed_share(stable: int, candidate: int, *, weight: int) -> Finding:
    """Whether requests counted per arm since the route was accepted fit `weight` percent for the candidate.

    The tolerance is two points or a fifth of the weight, whichever is more. Pass: the share is within it, with
    confidence. Fail: it is outside with confidence. Reasons: ShareConfirmed, TrafficMismatch, ShareNotYetClear,
    NoTraffic. Raises ValueError for negative counts and for weights outside 0 to 100.
    """
    if not 0 <= weight <= 100:
        raise ValueError(f"a weight is between 0 and 100, found {weight}")
    wanted, tolerance = weight / 100, tolerance_points(weight) / 100
    lowest, highest = max(wanted - tolerance, 0.0), min(wanted + tolerance, 1.0)
    bound = f"{shown(lowest)} to {shown(highest)}"
    counts = Counts(candidate, stable + candidate)
    if counts.total == 0:
        return Finding(Verdict.NO_DATA, "NoTraffic", "no requests counted for either arm yet", bound=bound)
    at_weight = Prior(0.5 + _PRIOR_REQUESTS * wanted, 0.5 + _PRIOR_REQUESTS * (1 - wanted))
    # The second prior is for shares that are far off: the one at the weight takes thousands of requests to see those.
    sure = confidence_sequence(counts, MISMATCH_ERROR, (at_weight, Prior(0.5, 0.5)))
    likely = confidence_sequence(counts, CONFIRMATION_ERROR, (at_weight,))
    share = candidate / counts.total
    seen = f"candidate got {counted(candidate)} of {counted(counts.total)} requests ({shown(share)})"
    if sure.low > highest or sure.high < lowest:
        verdict, reason, rest = Verdict.FAIL, "TrafficMismatch", f"outside {bound} that weight {weight} allows"
    elif lowest <= likely.low and likely.high <= highest:
        verdict, reason, rest = Verdict.PASS, "ShareConfirmed", f"within {bound} that weight {weight} allows"
    else:
        verdict, reason, rest = Verdict.INCONCLUSIVE, "ShareNotYetClear", f"not yet clear of {bound}"
    return Finding(verdict, reason, f"{seen}, {rest}", samples=counts.total, candidate=shown(share), bound=bound)


def tolerance_points(weight: int) -> float:
    """How far the share may be from `weight`, in points of a percent."""
    return max(2.0, weight / 5)
