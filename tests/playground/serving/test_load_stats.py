"""The load's counts add up, in all, lately and second by second."""

from typing import Any

from modelwright_playground.load.stats import SERIES_SECONDS, Stats


def report(stats: Stats, now: float) -> Any:
    return stats.report(now)


def test_sent_is_answered_and_failed_and_in_flight() -> None:
    stats = Stats()
    for _ in range(5):
        stats.sent(100.0)
    stats.answered(100.2, "v1", 0.01)
    stats.answered(100.4, "v2", 0.03)
    stats.failed(100.5, "v2", "500")
    stats.failed(101.0, "unknown", "timeout")
    total = report(stats, 102.0)["total"]
    assert (total["sent"], total["ok"], total["failed"], total["inFlight"]) == (5, 2, 2, 1)
    assert total["failedBy"] == {"500": 1, "timeout": 1}
    assert {name: seen["sent"] for name, seen in total["versions"].items()} == {"unknown": 1, "v1": 1, "v2": 2}


def test_accuracy_is_of_the_judged_and_missing_without_any() -> None:
    stats = Stats()
    stats.answered(100.0, "v1", 0.01)
    assert report(stats, 100.0)["total"]["versions"]["v1"]["accuracy"] is None
    for correct in (True, True, True, False):
        stats.judged(101.0, "v1", correct)
    assert report(stats, 101.0)["total"]["versions"]["v1"]["accuracy"] == 0.75


def test_recent_are_the_last_five_whole_seconds() -> None:
    stats = Stats()
    for at in range(100, 110):
        stats.sent(at + 0.5)
        stats.answered(at + 0.5, "v1", 0.01)
    recent = report(stats, 109.9)["recent"]
    assert (recent["seconds"], recent["sent"], recent["ok"]) == (5, 5, 5)
    assert report(stats, 200.0)["recent"]["sent"] == 0


def test_the_series_adds_up_to_the_total_and_a_clock_set_back_opens_no_past_second() -> None:
    stats = Stats()
    for now in (100.0, 101.5, 99.0, 103.0):
        stats.answered(now, "v1", 0.01)
        stats.judged(now, "v1", True)
    found = report(stats, 104.0)
    assert [second["t"] for second in found["series"]] == [100, 101, 103]
    assert sum(second["versions"]["v1"]["ok"] for second in found["series"]) == found["total"]["ok"] == 4


def test_the_series_is_bounded_to_an_hour_and_the_total_is_not() -> None:
    stats = Stats()
    for at in range(SERIES_SECONDS + 10):
        stats.answered(float(at), "v1", 0.01)
    found = report(stats, SERIES_SECONDS + 10.0)
    assert len(found["series"]) == SERIES_SECONDS
    assert found["total"]["ok"] == SERIES_SECONDS + 10


def test_latency_quantiles_are_of_the_latest_answers() -> None:
    stats = Stats()
    assert report(stats, 100.0)["latencyMs"] == {}
    for milliseconds in range(1, 101):
        stats.answered(100.0, "v1", milliseconds / 1000)
    assert report(stats, 100.0)["latencyMs"] == {"p50": 51.0, "p95": 96.0, "p99": 100.0}
