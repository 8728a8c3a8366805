"""Folding raw samples gives the increments that happened, whatever order, pieces and repetitions they come in."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.metrics.counters import Labels, Series, Tally
from modelwright.metrics.reasons import Unanswered

POD_A: Labels = frozenset({("pod", "a")})
POD_B: Labels = frozenset({("pod", "b")})

# What happens between two scrapes of one pod: so many events, or a restart and then so many.
steps = st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), min_size=1, max_size=40)


def scraped(history: list[tuple[bool, int]], labels: Labels = POD_A) -> tuple[Series, int]:
    """The samples of such a history, one a second from second 1 on, and the events that a scrape can see."""
    samples, value, seen = [], 0, 0
    for second, (restarts, events) in enumerate(history, start=1):
        # A restart that ends at the old value or above cannot be told from none: keep those out.
        if restarts and events < value:
            seen += events
            value = events
        else:
            seen += events
            value += events
        samples.append((float(second), float(value)))
    return Series(labels, tuple(samples)), seen


@given(steps)
def test_every_event_is_counted_once_through_all_restarts(history: list[tuple[bool, int]]) -> None:
    series, seen = scraped(history)
    assert Tally().folded([series]).total() == seen


@given(steps, steps, st.lists(st.integers(0, 40), max_size=5), st.integers(0, 10))
def test_pieces_overlaps_and_duplicates_change_nothing(
    one: list[tuple[bool, int]], other: list[tuple[bool, int]], cuts: list[int], overlap: int
) -> None:
    (a, seen_a), (b, seen_b) = scraped(one), scraped(other, POD_B)
    tally = Tally()
    start = 0
    for end in [*sorted(cuts), 41]:
        pieces = [
            Series(series.labels, tuple(s for s in series.samples if start - overlap < s[0] <= end))
            for series in (b, a)
        ]
        tally = tally.folded(pieces).folded(pieces)
        start = end
    assert tally.total() == seen_a + seen_b
    assert tally.in_blocks(7.0).total() == seen_a + seen_b
    assert tally.in_blocks(7.0, earlier_than=21.0).total() == seen_a + seen_b


@given(steps, st.integers(1, 15), st.lists(st.integers(0, 40), max_size=5), st.integers(0, 60))
def test_blocks_are_the_same_however_often_they_were_looked_at(
    history: list[tuple[bool, int]], length: int, cuts: list[int], kept: int
) -> None:
    series, _ = scraped(history)
    once = Tally().folded([series]).in_blocks(length, earlier_than=kept)
    tally = Tally()
    for end in [*sorted(cuts), 41]:
        piece = Series(series.labels, tuple(sample for sample in series.samples if sample[0] <= end))
        tally = tally.folded([piece]).in_blocks(length, earlier_than=min(kept, end))
    assert tally.in_blocks(length, earlier_than=kept).grown == once.grown


def test_sums_of_what_is_measured_are_kept_to_a_part_of_one() -> None:
    tally = Tally(parts=1000).folded([Series(POD_A, ((1.0, 0.25), (2.0, 0.75)))])
    assert tally.total() == 750


@given(steps, st.integers(0, 41))
def test_the_growth_before_and_after_a_moment_add_up(history: list[tuple[bool, int]], moment: int) -> None:
    series, seen = scraped(history)
    tally = Tally().folded([series])
    before = Tally().folded([Series(POD_A, tuple(s for s in series.samples if s[0] <= moment))]).total()
    assert before + tally.total(after=moment) == seen
    assert tally.forgetting(growth_before=moment, series_before=-inf).total() == tally.total(after=moment)


def test_a_series_known_before_counts_from_its_last_value() -> None:
    tally = Tally.starting([(POD_A, 100.0)], at=10.0)
    assert tally.folded([Series(POD_A, ((11.0, 130.0),))]).total() == 30


def test_a_series_known_before_that_restarted_unseen_counts_from_zero() -> None:
    tally = Tally.starting([(POD_A, 100.0)], at=10.0)
    assert tally.folded([Series(POD_A, ((11.0, 7.0),))]).total() == 7


def test_a_new_series_counts_its_first_value_only_where_its_absence_before_is_proven() -> None:
    series = Series(POD_A, ((11.0, 7.0), (12.0, 9.0)))
    assert Tally().folded([series]).total() == 9
    assert Tally().folded([series], absent_until=11.0).total() == 2


def test_values_that_are_not_whole_build_up_no_rounding_error() -> None:
    samples = tuple((float(second), second * 0.1) for second in range(1, 1001))
    assert Tally().folded([Series(POD_A, samples)]).total() == 100


def test_growth_that_is_seen_late_counts_at_its_own_time() -> None:
    tally = Tally().folded([Series(POD_A, ((5.0, 10.0),))]).folded([Series(POD_B, ((3.0, 7.0),))])
    assert tally.total(after=4.0) == 10
    assert tally.total(after=2.0) == 17
    assert tally.grew_at == 5.0


def test_silent_series_are_forgotten_and_others_kept() -> None:
    tally = Tally().folded([Series(POD_A, ((1.0, 5.0),)), Series(POD_B, ((9.0, 5.0),))])
    assert set(tally.forgetting(growth_before=-inf, series_before=5.0).reached) == {POD_B}


@pytest.mark.parametrize(("value", "reason"), [(nan, "NotANumber"), (inf, "NotANumber"), (-1.0, "NotACounter")])
def test_what_no_counter_can_be_is_refused(value: float, reason: str) -> None:
    with pytest.raises(Unanswered) as refused:
        Tally().folded([Series(POD_A, ((1.0, value),))])
    assert refused.value.reason == reason
