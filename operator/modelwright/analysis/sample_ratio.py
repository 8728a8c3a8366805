"""Did each arm of an A/B test get its share of people? If not, whoever is missing may be what differs.

The classical check for a broken experiment (Fabijan et al. 2019, "Diagnosing sample ratio mismatch in online controlled
experiments"), made anytime-valid by the confidence sequence of sequence.py. People with no bucket at all, who stay with
stable, show here first.
"""

from __future__ import annotations

from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.sequence import Prior, confidence_sequence

ERROR = 0.001
"""How often a sound test is called broken, over all looks together."""

TOLERANCE = 0.005
"""How far buckets of real hashes are from equal, with room: half a point."""

_LIKE_A_THOUSAND = 1000


def mismatch(stable: int, candidate: int, *, percent: int) -> str:
    """Why counts of both arms cannot come from `percent` of an audience, "" while they can."""
    counts, wanted = Counts(candidate, stable + candidate), percent / 100
    if counts.total == 0:
        return ""
    near = Prior(0.5 + _LIKE_A_THOUSAND * wanted, 0.5 + _LIKE_A_THOUSAND * (1 - wanted))
    share = confidence_sequence(counts, ERROR, (near, Prior(0.5, 0.5)))
    if share.low <= wanted + TOLERANCE and share.high >= wanted - TOLERANCE:
        return ""
    seen = f"{counted(candidate)} of {counted(counts.total)} counted were the candidate's"
    return f"{seen} ({shown(candidate / counts.total)}), where {percent} % of the buckets are: arms of different people"
