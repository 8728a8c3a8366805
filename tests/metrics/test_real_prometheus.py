"""Counts and values read from a real Prometheus that scrapes a tiny exporter, through its errors, restarts and gaps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.metrics.exporting import Exporter, RealPrometheus, found

from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.metrics.asking import Asker
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import CountsLook, CountsQuestion, Look, NoLook, ValueLook, ValueQuestion
from modelwright.metrics.variables import escaped

NO_WAIT = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    """Of this module's own: what it remembers begins here, and no other test's names are in it."""
    prometheus = RealPrometheus(tmp_path_factory.mktemp("prometheus"))
    yield prometheus
    prometheus.close()


@pytest.fixture(scope="module")
def exporter(prometheus: RealPrometheus) -> Iterator[Exporter]:
    exporter = Exporter()
    prometheus.scrape(exporter)
    yield exporter
    prometheus.stop_scraping(exporter)


@pytest.fixture(scope="module")
def source(prometheus: RealPrometheus) -> Source:
    return prometheus.source


@pytest.fixture
def asker(source: Source) -> Asker:
    return Asker({"real": source})


def page(name: str, **counters: int) -> str:
    lines = [f'{counter}{{test="{name}"}} {value}' for counter, value in counters.items()]
    return "\n".join(lines) + "\n"


def counts_since(
    name: str, since: datetime, events: str = "errors_total", total: str = "requests_total"
) -> CountsQuestion:
    return CountsQuestion(
        "real", "errors", "candidate", f'{events}{{test="{name}"}}', f'{total}{{test="{name}"}}', NO_WAIT, since=since
    )


def value(query: str, samples: str = "") -> ValueQuestion:
    return ValueQuestion("real", "value", "candidate", query, samples, NO_WAIT)


def is_value(look: Look) -> bool:
    return isinstance(look, ValueLook)


def reason(look: Look) -> str:
    assert isinstance(look, NoLook), look
    return look.reason


def counts(look: Look) -> Counts:
    assert isinstance(look, CountsLook), look
    return look.counts


def test_an_error_that_begins_its_series_a_restart_and_a_scrape_gap_lose_no_count(
    exporter: Exporter, asker: Asker, source: Source
) -> None:
    exporter.show(page("loop", requests_total=100))
    since = datetime.now(UTC)
    question = counts_since("loop", since)
    exporter.show(page("loop", requests_total=140))
    assert reason(asker.ask(question)) == "NoSeries"

    exporter.show(page("loop", requests_total=150, errors_total=3))
    assert counts(asker.ask(question)) == Counts(3, 50)

    exporter.show(page("loop", requests_total=20))
    assert counts(asker.ask(question)) == Counts(3, 70)

    exporter.show(None)
    exporter.show(page("loop", requests_total=50, errors_total=1))
    assert counts(asker.ask(question)) == Counts(4, 100)

    assert reason(asker.ask(question)) == "NotGrown"
    assert counts(Asker({"real": source}).ask(question)) == Counts(4, 100), "as after a restart of the operator"


def test_a_difference_of_counters_counts_what_is_above_a_bucket(exporter: Exporter, asker: Asker) -> None:
    def histogram(count: int, fast: int) -> str:
        labels = 'test="slow"'
        return f'seconds_count{{{labels}}} {count}\nseconds_bucket{{{labels},le="0.5"}} {fast}\n'

    exporter.show(histogram(10, 9))
    question = CountsQuestion(
        "real",
        "slow",
        "candidate",
        'seconds_count{test="slow"} - seconds_bucket{test="slow",le="0.5"}',
        'seconds_count{test="slow"}',
        NO_WAIT,
        since=datetime.now(UTC),
    )
    exporter.show(histogram(110, 92))
    assert counts(asker.ask(question)) == Counts(17, 100)


def test_what_was_counted_before_prometheus_began_is_not_taken_for_new(exporter: Exporter, asker: Asker) -> None:
    exporter.show(page("old", requests_total=1000, errors_total=900))
    exporter.show(page("old", requests_total=1010, errors_total=901))
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    assert counts(asker.ask(counts_since("old", long_ago))) == Counts(1, 10)


def test_a_window_counts_like_a_beginning_at_its_start(exporter: Exporter, asker: Asker) -> None:
    exporter.show(page("window", requests_total=5, errors_total=0))
    exporter.show(page("window", requests_total=25, errors_total=2))
    question = CountsQuestion(
        "real",
        "errors",
        "champion",
        'errors_total{test="window"}',
        'requests_total{test="window"}',
        NO_WAIT,
        window=timedelta(hours=6),
    )
    assert counts(asker.ask(question)) == Counts(2, 20)
    assert counts(asker.ask(question)) == Counts(2, 20), "a window may be looked at again"


def test_escaped_values_mean_themselves_inside_either_quotes(exporter: Exporter, asker: Asker) -> None:
    odd = "v1\"} or vector(1) # ' { é 🦆 \\ $"
    written = odd.replace("\\", "\\\\").replace('"', '\\"')
    exporter.show(f'odd{{version="{written}"}} 7\nodd{{version="other"}} 8\n')
    for quote in "\"'":
        question = value(f"odd{{version={quote}{escaped(odd)}{quote}}}")
        look = found(lambda question=question: asker.ask(question), is_value)  # type: ignore[misc]
        assert isinstance(look, ValueLook), look
        assert look.value == 7


def test_a_value_comes_with_its_samples(exporter: Exporter, asker: Asker) -> None:
    exporter.show(page("value", score=3, score_count=12))
    question = value('score{test="value"} / 4', 'score_count{test="value"}')
    look = found(lambda: asker.ask(question), is_value)
    assert isinstance(look, ValueLook), look
    assert (look.value, look.samples) == (0.75, 12)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("absent_metric", "NoSeries"),
        ("shade", "AmbiguousResult"),
        ("vector(0) / vector(0)", "NotANumber"),
        ("vector(1) / vector(0)", "NotANumber"),
        ("sum(", "BadQuery"),
        ("shade[5m]", "BadQuery"),
        ('shade * on() group_left() shade{colour="red"} * on() shade', "BadQuery"),
    ],
)
def test_what_is_no_single_number_is_none(exporter: Exporter, asker: Asker, query: str, expected: str) -> None:
    exporter.show('shade{colour="red"} 1\nshade{colour="blue"} 2\n')
    look = found(lambda: asker.ask(value(query)), lambda look: isinstance(look, NoLook) and look.reason == expected)
    assert reason(look) == expected
    assert isinstance(look, NoLook)
    assert (look.verdict is Verdict.ERROR) == look.permanent == (expected == "BadQuery")


def test_a_scalar_is_a_number(exporter: Exporter, asker: Asker) -> None:
    look = asker.ask(value("scalar(vector(2)) + 1"))
    assert isinstance(look, ValueLook), look
    assert look.value == 3


def test_the_query_of_the_page_on_sources_tells_the_role_of_each_revision(exporter: Exporter, source: Source) -> None:
    text = (Path(__file__).parents[2] / "docs/sources.md").read_text()
    query = text.split("```promql\n")[1].split("```")[0]

    def shown(errors: int) -> str:
        pods = (("r1", "a"), ("r1", "b"), ("r2", "c"))
        counters = [
            "model_request_errors_total"
            f'{{namespace="roles",rollout="churn",revision="{revision}",pod="{pod}"}} {errors}'
            for revision, pod in pods
        ]
        arms = (("stable", "r1", 100), ("candidate", "r2", 0))
        weights = [
            "modelwright_rollout_weight_percent"
            f'{{namespace="roles",name="churn",arm="{arm}",revision="{revision}",version="v"}} {weight}'
            for arm, revision, weight in arms
        ]
        return "\n".join([*counters, *weights]) + "\n"

    for errors in range(0, 60, 10):
        exporter.show(shown(errors))
    now = time.time()
    rates = {
        arm: source.value(f'sum(({query}) unless on (arm) label_replace(vector(0), "arm", "{other}", "", ""))', now)[0]
        for arm, other in (("stable", "candidate"), ("candidate", "stable"))
    }
    # Stable has two pods, whose errors come as fast as those of the candidate's one.
    assert rates["candidate"] > 0
    assert rates["stable"] == pytest.approx(2 * rates["candidate"])
