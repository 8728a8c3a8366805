"""An audience is the buckets below its percent, and nobody else."""

from __future__ import annotations

import re

import pytest

from modelwright.api.ab_test import Audience
from modelwright.api.audience import below, match_of
from modelwright.api.rollout import MatchType


@pytest.mark.parametrize("percent", range(1, 100))
def test_exactly_the_buckets_below_the_percent_are_the_candidates(percent: int) -> None:
    expression = match_of(Audience(percent, header="x-bucket")).value
    assert [number for number in range(1000) if re.search(expression, str(number))] == list(range(percent))


@pytest.mark.parametrize("percent", [0, 100, -1])
def test_an_audience_of_nobody_or_everybody_is_none(percent: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 99"):
        below(percent)


def test_what_is_no_bucket_stays_with_stable() -> None:
    expression = match_of(Audience(99, header="x-bucket")).value
    for value in ("", "07", "7.0", "+7", "-7", " 7", "7 ", "7,8", "٧", "7\n8", "1e1", "abc"):
        assert not re.search(expression, value), value


@pytest.mark.parametrize(
    ("cookies", "mine"),
    [
        ("bucket=7", True),
        ("session=abc; bucket=7; theme=dark", True),
        ("session=abc;bucket=7", True),
        ("bucket=7 ; theme=dark", True),
        ("bucket=57", False),
        ("bucket=77; x=1", False),
        ("mybucket=7", False),
        ("note=bucket=7", False),
        ("bucket=", False),
        ("", False),
    ],
)
def test_a_cookie_is_found_among_others(cookies: str, mine: bool) -> None:
    match = match_of(Audience(50, cookie="bucket"))
    assert (match.name, match.type) == ("cookie", MatchType.REGULAR_EXPRESSION)
    assert bool(re.search(match.value, cookies)) is mine


def test_a_dot_in_the_name_of_a_cookie_is_a_dot() -> None:
    expression = match_of(Audience(50, cookie="a.bucket")).value
    assert re.search(expression, "a.bucket=7")
    assert not re.search(expression, "a-bucket=7")
