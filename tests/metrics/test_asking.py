"""Looks go on from looks: what is asked, what is believed, and what is shared. On a recorded source, a fake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.metrics.recorded import BEGIN, QUESTION, SCRAPE, Looking

from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.metrics.questions import CountsLook, NoLook, ValueQuestion
from modelwright.metrics.reasons import Reason


@pytest.fixture
def looking() -> Looking:
    return Looking()


def test_a_look_reads_only_what_is_new_and_a_new_asker_everything(looking: Looking) -> None:
    source = looking.source
    source.record(-5, requests_total=100, errors_total=5)
    for second in range(10, 1000, SCRAPE):
        source.record(second, requests_total=100 + second, errors_total=5 + second // 100)
    assert looking.counts(500) == Counts(4, 490)
    assert looking.counts(900) == Counts(8, 895)
    assert source.asked == [
        ("errors_total", 0, 500),
        ("requests_total", 0, 500),
        ("errors_total", 500 - 3 * SCRAPE, 900),
        ("requests_total", 500 - 3 * SCRAPE, 900),
    ]
    restarted = Looking()
    restarted.source.stored = source.stored
    assert restarted.counts(900) == Counts(8, 895)


def test_a_look_says_how_new_its_newest_sample_is(looking: Looking) -> None:
    looking.source.record(-5, requests_total=0, errors_total=0)
    looking.source.record(10, requests_total=10, errors_total=0)
    look = looking.look(22)
    assert isinstance(look, CountsLook)
    assert look.until == datetime.fromtimestamp(BEGIN + 10, UTC)


def test_without_events_beside_growing_total_there_are_none_once_any_revision_has_the_name(looking: Looking) -> None:
    looking.source.record(-5, requests_total=100)
    looking.source.record(10, requests_total=150)
    assert looking.reason(12) == "NoSeries"
    looking.source.names.add("errors_total")
    assert looking.counts(24) == Counts(0, 50)


def test_the_first_errors_of_a_new_series_all_count(looking: Looking) -> None:
    looking.source.record(-5, requests_total=100)
    looking.source.record(10, requests_total=150, errors_total=3)
    assert looking.counts(12) == Counts(3, 50)


def test_a_new_pod_counts_from_its_start_and_a_dead_one_stays_counted(looking: Looking) -> None:
    source, other = looking.source, frozenset({("pod", "b")})
    source.record(-5, requests_total=100, errors_total=0)
    source.record(10, requests_total=150, errors_total=1)
    source.record(25, other, requests_total=20, errors_total=2)
    assert looking.counts(30) == Counts(3, 70)


def test_what_may_be_older_than_the_memory_of_the_source_is_not_taken_for_new(looking: Looking) -> None:
    source, other = looking.source, frozenset({("pod", "b")})
    source.begins = BEGIN + 100
    source.record(105, requests_total=1000, errors_total=500)
    source.record(120, requests_total=1010, errors_total=501)
    source.record(200, requests_total=1020, errors_total=501)
    source.record(200, other, requests_total=5, errors_total=2)
    assert looking.counts(210) == Counts(3, 25)


def test_no_growth_of_the_total_is_no_look(looking: Looking) -> None:
    source = looking.source
    source.record(-5, requests_total=100, errors_total=0)
    source.record(10, requests_total=100, errors_total=0)
    assert looking.reason(12) == "NoTraffic"
    source.record(25, requests_total=110, errors_total=0)
    assert looking.counts(30) == Counts(0, 10)
    source.record(40, requests_total=110, errors_total=0)
    assert looking.reason(45) == "NotGrown"
    source.record(55, requests_total=111, errors_total=1)
    assert looking.counts(60) == Counts(1, 11)


def test_nothing_at_all_old_samples_and_future_evidence_are_no_looks(looking: Looking) -> None:
    assert looking.reason(10) == "NoSeries"
    looking.source.record(20, requests_total=100, errors_total=0)
    assert looking.counts(30) == Counts(0, 100)
    assert looking.reason(20 + 3 * SCRAPE + 1) == "Stale"
    later = replace(QUESTION, since=datetime.fromtimestamp(BEGIN + 500, UTC))
    assert looking.reason(499, later) == "NoTraffic"


def test_more_events_than_total_are_never_cut_to_fit(looking: Looking) -> None:
    looking.source.record(10, requests_total=10, errors_total=11)
    assert looking.reason(12) == "InconsistentCounts"


def test_a_missing_bucket_does_not_make_every_request_slow(looking: Looking) -> None:
    question = replace(QUESTION, events='requests_total - fast_total{le="0.5"}')
    looking.source.record(10, requests_total=10)
    look = looking.look(12, question)
    assert isinstance(look, NoLook)
    assert look.reason == "NoSeries"
    assert 'fast_total{le="0.5"}' in look.message


def test_a_failed_look_loses_nothing(looking: Looking) -> None:
    source = looking.source
    source.record(-5, requests_total=100, errors_total=0)
    source.record(10, requests_total=150, errors_total=1)
    assert looking.counts(12) == Counts(1, 50)
    source.fault = Reason.SOURCE_UNAVAILABLE
    source.record(25, requests_total=200, errors_total=2)
    source.record(40, requests_total=10, errors_total=0)
    assert looking.reason(45) == "SourceUnavailable"
    source.fault = None
    source.record(300, requests_total=30, errors_total=3)
    assert looking.counts(305) == Counts(5, 130)


def test_a_window_slides(looking: Looking) -> None:
    question = replace(QUESTION, since=None, window=timedelta(seconds=60))
    for second in range(-600, 600, SCRAPE):
        looking.source.record(second, requests_total=10_000 + second, errors_total=0 if second < 300 else 7)
    assert looking.counts(299, question) == Counts(0, 60)
    assert looking.counts(331, question) == Counts(7, 60)
    assert looking.counts(331 + 20, question) == Counts(7, 60)
    assert looking.counts(331 + 60, question) == Counts(0, 60)


def test_a_window_of_less_than_four_scrapes_is_refused(looking: Looking) -> None:
    look = looking.look(10, replace(QUESTION, since=None, window=timedelta(seconds=59)))
    assert isinstance(look, NoLook)
    assert (look.reason, look.permanent) == ("BadQuery", True)
    assert look.message == "the window must be at least four scrape intervals of metric source 'fake', 1m; found 59s"


def test_an_expression_that_is_no_counter_is_for_a_person_to_mend(looking: Looking) -> None:
    look = looking.look(10, replace(QUESTION, events="sum(errors_total)"))
    assert isinstance(look, NoLook)
    assert (look.verdict, look.reason, look.permanent) == (Verdict.ERROR, "BadQuery", True)


def test_an_unknown_source_is_named_beside_the_known(looking: Looking) -> None:
    look = looking.look(10, replace(QUESTION, source="prod"))
    assert isinstance(look, NoLook)
    assert (look.verdict, look.reason, look.permanent) == (Verdict.ERROR, "UnknownSource", True)
    assert look.message == "metric source 'prod' is not configured; known are fake"


def test_a_value_needs_its_samples_where_they_are_asked_for(looking: Looking) -> None:
    question = ValueQuestion("fake", "m", "candidate", "0.5", "nothing", timedelta(seconds=10))
    assert looking.reason(10, question) == "NoSamples"
    look = looking.look(30, replace(question, samples="12.9"))
    assert getattr(look, "samples", None) == 12


def test_identical_questions_within_an_interval_are_asked_once_also_by_many_threads(looking: Looking) -> None:
    looking.source.record(10, requests_total=10, errors_total=1)
    looking.clock.now = BEGIN + 12
    with ThreadPoolExecutor(8) as pool:
        looks = list(pool.map(looking.asker.ask, [QUESTION] * 32))
    assert looks == [looks[0]] * 32
    assert isinstance(looks[0], CountsLook)
    assert len(looking.source.asked) == 2
    assert looking.look(20) == looks[0]
    assert len(looking.source.asked) == 2


def test_ten_thousand_rollouts_that_ask_the_same_question_ask_it_once(looking: Looking) -> None:
    looking.source.record(10, requests_total=10, errors_total=1)
    looking.clock.now = BEGIN + 12
    first = looking.asker.ask(QUESTION)
    assert isinstance(first, CountsLook)
    for number in range(10_000):
        assert looking.asker.ask(replace(QUESTION, metric=f"of rollout {number}")) is first
    assert len(looking.source.asked) == 2, "one for the events, one for the total"


def test_one_selector_for_events_and_total_is_read_once(looking: Looking) -> None:
    looking.source.record(10, requests_total=10)
    assert looking.counts(12, replace(QUESTION, events="requests_total")) == Counts(10, 10)
    assert len(looking.source.asked) == 1


def test_questions_that_nobody_asks_any_more_are_forgotten(looking: Looking) -> None:
    looking.source.record(10, requests_total=10, errors_total=1)
    looking.counts(12)
    looking.look(12 + 601, ValueQuestion("fake", "m", "candidate", "1", "", timedelta(seconds=10)))
    looking.source.asked.clear()
    looking.look(12 + 602)
    assert looking.source.asked[0][1] == 0, "read again from the beginning"
