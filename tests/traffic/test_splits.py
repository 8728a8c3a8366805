"""What a candidate is given, compared whole: too much in any respect is lowered, and nothing is raised by that."""

from __future__ import annotations

import pytest

from modelwright.api.rollout import HeaderMatch
from modelwright.traffic.route import Split

US, THEM = (HeaderMatch("x-tester", "1"),), (HeaderMatch("x-tester", "2"),)


@pytest.mark.parametrize(
    ("live", "recorded", "allowed"),
    [
        (Split(25), Split(10), Split(10)),
        (Split(5), Split(10), Split(5)),
        (Split(0, mirror=50), Split(0, mirror=20), Split(0, mirror=20)),
        (Split(25, mirror=5), Split(10, mirror=20), Split(10, mirror=5)),
        (Split(testers=THEM), Split(testers=US), Split()),
        (Split(10, testers=US), Split(10), Split(10)),
        (Split(10, testers=US), Split(25, testers=US), Split(10, testers=US)),
    ],
    ids=str,
)
def test_what_may_stay_is_what_both_give(live: Split, recorded: Split, allowed: Split) -> None:
    assert live.at_most(recorded) == allowed
    assert allowed.is_within(live)
    assert allowed.is_within(recorded)


def test_a_mirror_gives_nobody_an_answer() -> None:
    assert not Split(mirror=100).serves
    assert Split(testers=US).serves
    assert str(Split()) == "0 %"
    assert str(Split(5, mirror=20, testers=US)) == "5 % and a mirror of 20 % and testers"
