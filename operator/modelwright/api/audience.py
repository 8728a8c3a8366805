"""Who takes part in an A/B test or a sticky canary, and the one header match that picks the candidate's share of them.

A bucket is a whole number from 0 to 99 that something before the gateway gives each user once and for all, and sends
along in a header or a cookie. The candidate's are the buckets below `percent`. The Gateway API can neither hash nor
compare numbers, so they become one regular expression of exactly those numbers: "07", "7.0", an empty or a missing
bucket match nothing, and stay with stable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from modelwright.api.ab_test import Audience, Bucket
from modelwright.api.rollout import HeaderMatch, MatchType

BUCKETS = 100

_COOKIE = re.compile(r"\^\(\?:\.\*;\[ \]\*\)\?(?P<name>[^=]+)=")


def match_of(audience: Audience) -> HeaderMatch:
    """What a request of the candidate's buckets has.

    Anchored at both ends, as gateways differ in whether an expression has to match all of a value, and in RE2's syntax.
    """
    numbers = f"(?:{below(audience.percent)})"
    if audience.header:
        return HeaderMatch(audience.header, f"^{numbers}$", MatchType.REGULAR_EXPRESSION)
    name = audience.cookie.replace(".", "[.]")
    return HeaderMatch("cookie", f"^(?:.*;[ ]*)?{name}={numbers}(?:[ ]*;.*)?$", MatchType.REGULAR_EXPRESSION)


def percent_of(testers: tuple[HeaderMatch, ...], by: Bucket) -> int:
    """The percent of all buckets that `testers` are, 0 where they are no share of users by `by`."""
    return _percents(by).get(testers[0], 0) if len(testers) == 1 else 0


def narrower(one: tuple[HeaderMatch, ...], other: tuple[HeaderMatch, ...]) -> tuple[HeaderMatch, ...]:
    """Of two audiences by the same bucket the smaller, which is a part of the other; () of any that are not."""
    by = _carrier(one[0]) if one else None
    shares = [percent_of(testers, by) for testers in (one, other)] if by else [0, 0]
    if not all(shares):
        return ()
    return one if shares[0] <= shares[1] else other


@lru_cache(maxsize=256)
def _percents(by: Bucket) -> Mapping[HeaderMatch, int]:
    return {match_of(Audience(percent, by.header, by.cookie)): percent for percent in range(1, BUCKETS)}


def _carrier(match: HeaderMatch) -> Bucket | None:
    if match.name != "cookie":
        return Bucket(header=match.name)
    found = _COOKIE.match(match.value)
    return Bucket(cookie=found["name"].replace("[.]", ".")) if found else None


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
