"""The hour before a rollout is read once, on its own, and unknown where the source has none of it.

Mostly on a fake source, whose clock can be turned; the last one on a real Prometheus."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.metrics.exporting import Exporter, RealPrometheus
from tests.metrics.recorded import BEGIN, QUESTION, Looking

from modelwright.analysis.before import before_counts
from modelwright.analysis.counts import Counts
from modelwright.metrics.asking import Asker
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import CountsLook, NoLook
from modelwright.metrics.reasons import Reason

HOUR = timedelta(hours=1)
BEGINS = datetime.fromtimestamp(BEGIN, UTC)
BEFORE = replace(QUESTION, arm="hour before", since=BEGINS - HOUR, until=BEGINS)


@pytest.fixture
def looking() -> Looking:
    """Two requests a second for three hours around the beginning, of which one in a hundred fails."""
    found = Looking(scrape_interval=timedelta(seconds=5))
    for second in range(-5400, 5400, 5):
        done = 2 * (second + 5400)
        found.source.record(second, requests_total=done, errors_total=done // 100)
    return found


def test_it_counts_that_hour_and_nothing_later(looking: Looking) -> None:
    look = looking.look(600, BEFORE)
    assert isinstance(look, CountsLook)
    assert look.counts == Counts(72, 7200)
    assert (len(look.blocks), look.earlier) == (360, Counts(0, 0))
    assert look.blocks[0].at == BEGINS - HOUR
    assert look.blocks_until == BEGINS
    assert {(start, end) for _, start, end in looking.source.asked} == {(-3600, 0)}


def test_who_asks_again_within_twenty_minutes_shares_the_answer(looking: Looking) -> None:
    first = looking.look(10, BEFORE)
    asked = len(looking.source.asked)
    assert looking.look(1100, BEFORE) == first
    assert len(looking.source.asked) == asked


def test_a_stable_that_served_nobody_then_is_no_data(looking: Looking) -> None:
    looking.source.stored = {
        name: {labels: [s for s in samples if s[0] > BEGIN] for labels, samples in series.items()}
        for name, series in looking.source.stored.items()
    }
    look = looking.look(600, BEFORE)
    assert isinstance(look, NoLook)
    assert (look.verdict, look.reason) == ("NoData", "NoSeries")


def test_a_part_of_the_hour_is_what_there_is_of_it(looking: Looking) -> None:
    looking.source.stored = {
        name: {labels: [s for s in samples if s[0] > BEGIN - 1200] for labels, samples in series.items()}
        for name, series in looking.source.stored.items()
    }
    looking.source.begins = BEGIN - 1200
    look = looking.look(600, BEFORE)
    assert isinstance(look, CountsLook)
    assert look.counts.total == pytest.approx(2400, abs=200)


def test_a_source_that_is_down_is_asked_again_within_minutes(looking: Looking) -> None:
    looking.source.fault = Reason.SOURCE_UNAVAILABLE
    look = looking.look(10, BEFORE)
    assert isinstance(look, NoLook)
    assert look.retry_after is not None
    assert look.retry_after <= timedelta(minutes=2)
    looking.source.fault = None
    assert isinstance(looking.look(200, BEFORE), CountsLook)


def test_an_hour_in_a_real_prometheus_is_read_through_restarts_and_bursts(prometheus: RealPrometheus) -> None:
    """Samples of 75 minutes, backfilled by an exporter with times of its own: two pods, one of which restarts."""
    begins = datetime.fromtimestamp(datetime.now(UTC).timestamp() // 10 * 10, UTC)
    lines = []
    for at in range(-4495, 6, 10):
        for pod, started in (("a", -4500), ("b", -4500 if at < -1800 else -1800)):
            total = 3 * (at - started)
            # Twenty errors at once every ten minutes of pod a, and none in pod b.
            errors = 20 * ((at + 4500) // 600) if pod == "a" else 0
            stamp = int((begins + timedelta(seconds=at)).timestamp() * 1000)
            lines += [f'hour_{name}{{pod="{pod}"}} {n} {stamp}' for name, n in (("all", total), ("bad", errors))]
    exporter = Exporter()
    prometheus.scrape(exporter)
    exporter.show("\n".join(lines) + "\n")
    source = Source(replace(prometheus.source.configuration, scrape_interval=timedelta(seconds=10)))
    asker = Asker({"real": source})
    question = replace(BEFORE, source="real", events="hour_bad", total="hour_all", since=begins - HOUR, until=begins)
    look = asker.ask(question)
    assert isinstance(look, CountsLook), look
    # What pod b counted after its last scrape went with it.
    assert look.counts == Counts(120, 2 * 3 * 3600 - 15)
    blocks = [block.counts for block in look.blocks]
    assert len(blocks) >= 350
    assert {block.events for block in blocks} == {0, 20}
    # Twenty errors that came as one say no more than one.
    known, rate = before_counts(blocks).dispersion, 120 / 21585
    assert known.settled
    assert known.factor(rate * (1 - rate)) == pytest.approx(20, rel=0.25)
