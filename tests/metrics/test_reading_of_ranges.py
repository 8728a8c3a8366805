"""Long ranges are read in pieces that join without a gap, and smaller ones where an answer would be too large."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright.metrics.reasons import Reason, Unanswered

BEGIN = 1_800_000_000.0
SCRAPE = 15


class FakeClient:
    """A fake in the place of PrometheusConnect: answers range selectors with one sample a scrape, up to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.ranges: list[tuple[float, float]] = []

    def custom_query(self, query: str, params: dict[str, str]) -> list[dict[str, Any]]:
        end = float(params["time"]) - BEGIN
        start = end - int(query.removeprefix("x[").removesuffix("ms]")) / 1000
        times = [at for at in range(0, 100_000, SCRAPE) if start < at <= end]
        if len(times) > self.most:
            raise Unanswered(Reason.ANSWER_TOO_LARGE, "too large")
        self.ranges.append((start, end))
        return [{"metric": {"pod": "a"}, "values": [[BEGIN + at, str(at)] for at in times]}] if times else []


def reading(most: int) -> tuple[Source, FakeClient]:
    source = Source(MetricSource("fake", "http://127.0.0.1:1", timedelta(seconds=SCRAPE)))
    source._client = FakeClient(most)
    return source, source._client


@pytest.mark.parametrize("most", [10_000, 100, 20])
def test_the_pieces_of_a_range_join_without_gap_or_repetition(most: int) -> None:
    source, client = reading(most)
    pieces = list(source.samples("x", BEGIN, BEGIN + 20_000))
    times = [at - BEGIN for piece in pieces for series in piece for at, _ in series.samples]
    assert times == list(range(SCRAPE, 20_001, SCRAPE))
    assert client.ranges[0][0] == 0
    assert client.ranges[-1][1] == 20_000
    assert all(end == start for (_, end), (start, _) in zip(client.ranges, client.ranges[1:], strict=False))
    assert len(client.ranges) >= 3


def test_an_answer_that_stays_too_large_is_given_up() -> None:
    source, client = reading(3)
    with pytest.raises(Unanswered) as given_up:
        list(source.samples("x", BEGIN, BEGIN + 20_000))
    assert given_up.value.reason is Reason.ANSWER_TOO_LARGE
    assert "'fake'" in given_up.value.message
    assert client.ranges == []
