"""Looks tell what was counted block by block, the same before and after a restart. On a recorded source, a fake."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.metrics.recorded import BEGIN, QUESTION, Clock, Looking, RecordedSource

from modelwright.analysis.blocks import Block, Moments
from modelwright.analysis.counts import Counts
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.ledgers import MOST_BLOCKS, block_seconds
from modelwright.metrics.pairing import paired_blocks, paired_mean_blocks
from modelwright.metrics.questions import CountsLook, CountsQuestion, MeanLook, MeanQuestion, NoLook

SECOND = timedelta(seconds=1)


def time(second: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + second, UTC)


def looked(looking: Looking, at: float, question: CountsQuestion = QUESTION) -> CountsLook:
    look = looking.look(at, question)
    assert isinstance(look, CountsLook), look
    return look


@pytest.fixture
def looking() -> Looking:
    return Looking(scrape_interval=SECOND)


def test_growth_lies_in_the_block_of_its_scrape_and_unfinished_blocks_are_left_out(looking: Looking) -> None:
    looking.source.record(-1, requests_total=100, errors_total=3)
    for second in range(1, 26):
        looking.source.record(second, requests_total=100 + second, errors_total=3 + second // 12)
    look = looked(looking, 25)
    assert look.counts == Counts(2, 25)
    assert [(block.at, block.until, block.counts) for block in look.blocks] == [
        (time(0), time(10), Counts(0, 9)),
        (time(10), time(20), Counts(1, 10)),
    ]
    assert (look.blocks_since, look.blocks_until) == (time(0), time(20))


def test_what_one_look_after_the_other_finds_is_what_a_restarted_asker_finds_at_once(looking: Looking) -> None:
    for second in range(-1, 200):
        value = second % 70 if second > 0 else 0
        looking.source.record(second, requests_total=value, errors_total=value // 3)
    for at in (13, 14, 29, 87, 120):
        looked(looking, at)
    going_on = looked(looking, 199)
    restarted = Looking(scrape_interval=SECOND)
    restarted.source.stored = looking.source.stored
    at_once = looked(restarted, 199)
    assert going_on.blocks == at_once.blocks
    assert len(going_on.blocks) == 19
    assert going_on.counts == at_once.counts


def test_a_block_in_which_nothing_was_counted_is_not_listed_but_finished(looking: Looking) -> None:
    looking.source.record(-1, requests_total=0, errors_total=0)
    for second in range(46):
        looking.source.record(second, requests_total=min(second, 5) + second // 30, errors_total=0)
    look = looked(looking, 45)
    assert [block.at for block in look.blocks] == [time(0), time(30)]
    assert look.blocks_until == time(40)


def test_old_blocks_become_one_so_that_a_long_step_takes_no_more_memory(looking: Looking) -> None:
    looking.source.record(-1, requests_total=0, errors_total=0)
    last = 10 * (MOST_BLOCKS + 50)
    for second in range(0, last + 1, 5):
        looking.source.record(second, requests_total=second, errors_total=second // 100)
    look = looked(looking, last)
    assert len(look.blocks) == MOST_BLOCKS
    assert look.blocks_since == time(500)
    assert look.earlier.total + sum(block.counts.total for block in look.blocks) == last - 5
    tally = next(iter(looking.asker._memories.values())).ledger
    assert tally is not None
    assert all(len(found.grown) <= MOST_BLOCKS + 2 for found in tally.tallies.values())


@pytest.mark.parametrize(("scrape", "seconds"), [(1, 10), (10, 10), (15, 20), (30, 30), (60, 60)])
def test_a_block_holds_a_scrape_of_every_target(scrape: int, seconds: int) -> None:
    assert block_seconds(MetricSource("x", "http://x", timedelta(seconds=scrape))) == seconds


def test_blocks_of_two_arms_are_put_side_by_side_where_both_are_finished(looking: Looking) -> None:
    stable = replace(QUESTION, arm="stable", events="old_errors", total="old_requests")
    for second in range(0, 40):
        looking.source.record(second, requests_total=second // 20, errors_total=second // 20)
        if second < 35:
            looking.source.record(second, old_requests=second, old_errors=0)
    looks = looked(looking, 39, stable), looked(looking, 39)
    assert paired_blocks(*looks) == (
        Block(time(0), Counts(0, 9), Counts(0, 0)),
        Block(time(10), Counts(0, 10), Counts(0, 0)),
        Block(time(20), Counts(0, 10), Counts(1, 1)),
    )
    assert [pair.at for pair in paired_blocks(*looks, after=time(20))] == [time(20)]


def test_what_was_merged_is_given_once_and_never_to_those_who_know_a_part_of_it() -> None:
    look = CountsLook(Counts(5, 100), time(5000), None, (), time(4000), time(5000), Counts(5, 90))
    (first,) = paired_blocks(look, look)
    assert (first.stable, first.candidate) == (Counts(5, 90), Counts(5, 90))
    assert first.at < time(4000)
    assert paired_blocks(look, look, after=time(100)) == ()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=12, max_size=40), st.data())
def test_whatever_was_looked_at_before_the_blocks_add_up_to_what_was_counted(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    looking = Looking(scrape_interval=SECOND)
    total = events = 0
    looking.source.record(-1, requests_total=0, errors_total=0)
    for second, (more, failed) in enumerate(steps, start=1):
        total, events = total + max(1, more), events + min(max(1, more), failed)
        looking.source.record(second, requests_total=total, errors_total=events)
    for at in sorted(data.draw(st.lists(st.integers(1, len(steps) - 1), max_size=4, unique=True))):
        looking.look(at)
    # A new asker, where the last of these looks was so recent that it would be shared.
    looking.asker = Asker({"fake": looking.source}, looking.clock) if data.draw(st.booleans()) else looking.asker
    look = looking.look(len(steps) + 9.2)
    assert isinstance(look, CountsLook)
    assert look.counts == Counts(events, total)
    before = [step for second, step in enumerate(steps, start=1) if second < len(steps) // 10 * 10]
    assert sum(block.counts.total for block in look.blocks) == sum(max(1, more) for more, _ in before)
    assert sum(block.counts.events for block in look.blocks) == sum(min(max(1, a), b) for a, b in before)


MEAN = MeanQuestion("fake", "latency", "candidate", "n_total", "x_total", "xx_total", timedelta(seconds=10), time(0))


def measured(values: list[float], labels: frozenset[tuple[str, str]] = frozenset({("pod", "a")})) -> RecordedSource:
    source = RecordedSource(SECOND)
    source.record(-1, labels, n_total=0, x_total=0, xx_total=0)
    for second in range(1, len(values) + 1):
        seen = values[:second]
        source.record(second, labels, n_total=len(seen), x_total=sum(seen), xx_total=sum(x * x for x in seen))
    return source


def mean_look(source: RecordedSource, at: float) -> MeanLook | NoLook:
    clock = Clock()
    clock.now = BEGIN + at + 1
    look = Asker({"fake": source}, clock).ask(MEAN)
    assert isinstance(look, MeanLook | NoLook)
    return look


def test_a_mean_has_its_moments_in_all_and_by_block() -> None:
    values = [0.25, 0.5, 0.125] * 5
    look = mean_look(measured(values), 15)
    assert isinstance(look, MeanLook)
    assert look.moments == Moments(15, 4.375, 1.640625)
    (block,) = look.blocks
    assert block.moments == Moments(9, sum(values[:9]), sum(x * x for x in values[:9]))
    (pair,) = paired_mean_blocks(look, look)
    assert pair.stable == pair.candidate == block.moments


def test_moments_that_no_observations_have_are_none() -> None:
    source = measured([1.0] * 15)
    source.stored["xx_total"] = {
        labels: [(at, v / 9) for at, v in s] for labels, s in source.stored["xx_total"].items()
    }
    look = mean_look(source, 15)
    assert isinstance(look, NoLook)
    assert look.reason == "InconsistentCounts"
    del source.stored["xx_total"]
    look = mean_look(source, 15)
    assert isinstance(look, NoLook)
    assert look.reason == "NoSeries"
