"""The past of a value: the hours that count of each season, from the revision that was stable, or a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.metrics.exporting import Exporter, RealPrometheus
from tests.metrics.faking import NOW, FakePrometheus, Reply, answer

from modelwright.analysis.history import history_bounds, past_of
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds, History, Season
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import HistoryLook, HistoryQuestion, Look, NoLook, PastQuery

WEEK = timedelta(days=7)
AT = datetime.fromtimestamp(NOW, UTC)
QUESTION = HistoryQuestion("fake", "m", "past", (PastQuery("metric"),), Season.WEEKLY, timedelta(days=56))


def matrix(*series: list[tuple[float, str]], **extra: object) -> Reply:
    result = [{"metric": {"n": str(n)}, "values": [list(p) for p in points]} for n, points in enumerate(series)]
    return answer({"status": "success", "data": {"resultType": "matrix", "result": result}, **extra})


HISTOGRAMS = answer({"status": "success", "data": {"result": [{"metric": {}, "histograms": []}]}})


def ask(fake: FakePrometheus, question: HistoryQuestion = QUESTION) -> Look:
    source = Source(MetricSource("fake", fake.url, timedelta(milliseconds=0.001)))
    return Asker({"fake": source}, clock=lambda: NOW, chance=lambda: 0.5).ask(question)


def spans(fake: FakePrometheus) -> list[tuple[float, float]]:
    """In hours before now."""
    found = []
    for _, path, parameters in fake.asked:
        assert path.endswith("/query_range")
        assert parameters["step"] == ["3600"]
        found.append(tuple(round((NOW - float(parameters[name][0])) / 3600, 1) for name in ("start", "end")))
    return [(start, end) for start, end in found]


def test_each_week_is_asked_for_its_seven_hours_only(fake: FakePrometheus) -> None:
    fake.reply = matrix([(NOW - 168 * 3600, "0.5")])
    look = ask(fake)
    assert isinstance(look, HistoryLook), look
    assert look.points[0] == (AT - WEEK, 0.5)
    assert spans(fake) == [(168 * n + 3, 168 * n - 3) for n in range(8, 0, -1)]


def test_days_are_asked_for_at_once(fake: FakePrometheus) -> None:
    fake.reply = matrix([])
    assert isinstance(ask(fake, replace(QUESTION, season=Season.DAILY, window=timedelta(days=20))), HistoryLook)
    assert spans(fake) == [(20 * 24 + 3, 21)]


def test_each_revision_is_asked_for_the_time_that_it_was_stable(fake: FakePrometheus) -> None:
    fake.reply = matrix([])
    changed = AT - 4 * WEEK + timedelta(minutes=30)
    ask(fake, replace(QUESTION, queries=(PastQuery("new", changed), PastQuery("old", None, changed))))
    asked = [parameters["query"][0] for _, _, parameters in fake.asked]
    assert asked == ["new"] * 4 + ["old"] * 5
    # In the week of the change the whole hours after it are the new one's.
    assert spans(fake)[0] == (4 * 168 - 1, 4 * 168 - 3)
    assert spans(fake)[-1] == (4 * 168 + 3, 4 * 168 - 0.5)


def test_seasons_without_samples_are_no_seasons_and_no_error(fake: FakePrometheus) -> None:
    fake.reply = matrix()
    look = ask(fake)
    assert isinstance(look, HistoryLook)
    assert look.points == ()


@pytest.mark.parametrize(
    ("reply", "reason", "verdict"),
    [
        (matrix([(NOW, "1")], [(NOW, "2")]), "AmbiguousResult", Verdict.NO_DATA),
        (matrix([(NOW, "1")], warnings=["x"]), "PartialAnswer", Verdict.NO_DATA),
        (matrix([(NOW, "1")], isPartial=True), "PartialAnswer", Verdict.NO_DATA),
        (
            answer({"status": "success", "data": {"result": [{"metric": {}, "histograms": []}]}}),
            "BadQuery",
            Verdict.ERROR,
        ),
        (answer({"status": "error"}, 400), "BadQuery", Verdict.ERROR),
        (answer({"status": "error"}, 503), "SourceUnavailable", Verdict.ERROR),
        (answer({"data": {}}), "NotPrometheus", Verdict.ERROR),
    ],
)
def test_what_is_no_past_has_a_reason(fake: FakePrometheus, reply: Reply, reason: str, verdict: Verdict) -> None:
    fake.reply = reply
    look = ask(fake)
    assert isinstance(look, NoLook)
    assert (look.reason, look.verdict) == (reason, verdict)
    assert len(fake.asked) == 1, "after one refusal the other weeks need not be asked for"
    if not look.permanent:
        assert look.retry_after is not None
        assert look.retry_after <= timedelta(minutes=1)


def test_points_that_are_no_numbers_are_left_out(fake: FakePrometheus) -> None:
    fake.reply = matrix([(NOW - 168 * 3600, "NaN"), (NOW - 169 * 3600, "+Inf"), (NOW - 167 * 3600, "2")])
    look = ask(fake, replace(QUESTION, window=WEEK))
    assert isinstance(look, HistoryLook)
    assert [value for _, value in look.points] == [2.0]


def test_ten_weeks_in_a_real_prometheus_say_what_is_usual(prometheus: RealPrometheus) -> None:
    """Samples of ten weeks, backfilled by an exporter with times of its own."""
    now = datetime.now(UTC).replace(microsecond=0)
    lines = []
    for week in range(1, 11):
        for hour in range(-3, 4):
            at = now - week * WEEK + timedelta(hours=hour)
            revision = "a" if week > 5 else "b"
            value = 100 + 10 * hour + (week * 7 + hour * 3) % 5
            lines.append(f'usual{{revision="{revision}"}} {value} {int(at.timestamp() * 1000)}')
    exporter = Exporter()
    prometheus.scrape(exporter)
    exporter.show("\n".join(sorted(lines, key=lambda line: int(line.rsplit(" ", 1)[1]))) + "\n")
    changed = now - 5 * WEEK - timedelta(days=3)
    queries = (PastQuery('usual{revision="b"}', changed), PastQuery('usual{revision="a"}', None, changed))
    asker = Asker({"real": prometheus.source}, clock=lambda: now.timestamp())
    history = History(timedelta(days=70), Season.WEEKLY)
    question = HistoryQuestion("real", "m", "past", queries, history.season, history.window)
    look = asker.ask(question)
    assert isinstance(look, HistoryLook), look
    assert len(look.points) == 70
    bounds = history_bounds(past_of(look.points, look.until, history, ()), history.deviations)
    assert isinstance(bounds, Bounds), bounds
    assert bounds.min is not None
    assert bounds.max is not None
    assert 85 < bounds.min < 100 < 104 < bounds.max < 120
    only_new = asker.ask(replace(question, queries=queries[:1]))
    assert isinstance(only_new, HistoryLook)
    few = history_bounds(past_of(only_new.points, only_new.until, history, ()), history.deviations)
    assert isinstance(few, Finding)
    assert "5 past seasons" in few.message
    prometheus.stop_scraping(exporter)
