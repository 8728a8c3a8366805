"""Who takes part in an A/B test, and the one header match that picks the candidate's share of them.

A bucket is a whole number from 0 to 99 that something before the gateway gives each user once and for all, and sends
along in a header or a cookie. The candidate's are the buckets below `percent`. The Gateway API can neither hash nor
compare numbers, so they become one regular expression of exactly those numbers: "07", "7.0", an empty or a missing
bucket match nothing, and stay with stable.
"""

from __future__ import annotations

from modelwright.api.ab_test import Audience
from modelwright.api.rollout import HeaderMatch, MatchType

BUCKETS = 100


def match_of(audience: Audience) -> HeaderMatch:
    """What a request of the candidate's buckets has.

    Anchored at both ends, as gateways differ in whether an expression has to match all of a value, and in RE2's syntax.
    """
    numbers = f"(?:{below(audience.percent)})"
    if audience.header:
        return HeaderMatch(audience.header, f"^{numbers}$", MatchType.REGULAR_EXPRESSION)
    name = audience.cookie.replace(".", "[.]")
    return HeaderMatch("cookie", f"^(?:.*;[ ]*)?{name}={numbers}(?:[ ]*;.*)?$", MatchType.REGULAR_EXPRESSION)


def below(count: int) -> str:
    """A regular expression of the numbers from 0 to `count` − 1, as one writes them. Raises ValueError outside 1–99."""
    if not 1 <= count < BUCKETS:
        raise ValueError(f"a share of an audience is between 1 and 99 percent, found {count}")
    tens, ones = divmod(count, 10)
    if tens == 0:
        return _digits(0, ones - 1)
    full = [_digits(0, 9)]
    if tens > 1:
        full.append(f"{_digits(1, tens - 1)}{_digits(0, 9)}")
    return "|".join([*full, f"{tens}{_digits(0, ones - 1)}"] if ones else full)


def _digits(first: int, last: int) -> str:
    return str(first) if first == last else f"[{first}-{last}]"
