"""One Prometheus API: asks it and gives typed numbers. Raises Unanswered for everything that is not a number.

Around prometheus-api-client's PrometheusConnect, on a session of our own (transport.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import inf, isfinite
from typing import Any, TypeVar

from prometheus_api_client import PrometheusConnect
from urllib3.util import Retry

from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.counters import Labels, Sample, Series
from modelwright.metrics.credentials import SigV4
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.sigv4 import signer
from modelwright.metrics.transport import BoundedSession

T = TypeVar("T")

LARGEST_ANSWER = 8 * 2**20
# How far back the last value of a counter is looked for. Not seeing a series for so long is taken as its absence.
LOOKBACK = timedelta(hours=1)
# How far back a metric name is looked for, when it is to be told from a misspelt one.
MEMORY = timedelta(days=7)
# A raw answer holds at most so many samples of a series; longer ranges are asked for in pieces.
_SAMPLES_AT_ONCE = 600
_FEWEST_SAMPLES = 10
# Prometheus itself refuses 11,000; hourly values of a hundred days are 2,400.
_MOST_POINTS = 10_000


class Source:
    """A configured metric source. All times are unix seconds. May be used by several threads at once."""

    def __init__(self, configuration: MetricSource, *, largest_answer: int = LARGEST_ANSWER) -> None:
        self.configuration = configuration
        credentials = configuration.credentials
        session = BoundedSession(
            timeout=configuration.timeout.total_seconds(),
            largest=largest_answer,
            credentials=credentials,
            parameters=configuration.kind.parameters,
            sign=signer(credentials.auth, configuration.name) if isinstance(credentials.auth, SigV4) else None,
            doubts_refusals=configuration.kind.may_refuse_what_is_right,
        )
        # The asker asks again at its own pace: retries in here would only hold the thread.
        self._client = PrometheusConnect(url=configuration.url, session=session, retry=Retry(0, read=False))
        self._names_seen: set[str] = set()

    def value(self, query: str, at: float) -> tuple[float, float]:
        """The one number that `query` yields at `at`, with its time.

        Raises Unanswered: NO_SERIES, AMBIGUOUS_RESULT, NOT_A_NUMBER, STALE, BAD_QUERY, and those of the transport.
        """
        freshness = self.configuration.freshness.total_seconds()
        result = self._query(query, at, lookback_delta=f"{freshness:g}s")
        time, value = self._read(lambda: _single(result))
        if not isfinite(value):
            raise self._about(Reason.NOT_A_NUMBER, f"the query yields {value}, which is not a number to judge by")
        if time < at - freshness:
            raise self._about(
                Reason.STALE, f"the newest sample is {at - time:.0f}s old, at most {freshness:.0f}s count"
            )
        return value, time

    def values(self, query: str, start: float, end: float, step: float) -> list[Sample]:
        """The one number that `query` yields at `start` and each `step` seconds on until `end`, where it yields any.

        Raises Unanswered as `value` does; BAD_QUERY also for more points than are ever needed.
        """
        if (end - start) / step > _MOST_POINTS:
            raise self._about(Reason.BAD_QUERY, f"a range of more than {_MOST_POINTS} points")
        times = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        result = self._call(lambda: self._client.custom_query_range(query, *times, step=f"{step:g}"))
        if not isinstance(result, list):
            raise self._about(Reason.NOT_PROMETHEUS, "the answer is not one of the Prometheus API")
        return self._read(lambda: _single_range(result))

    def last_values(self, selector: str, at: float) -> list[tuple[Labels, float]]:
        """The last raw value of each series of `selector` in the hour up to `at`."""
        result = self._query(f"last_over_time({selector}[{_milliseconds(LOOKBACK.total_seconds())}])", at)
        return self._read(lambda: [(_labels(one), _number(one["value"][1])) for one in result])

    def samples(self, selector: str, start: float, end: float) -> Iterator[list[Series]]:
        """The raw samples of each series of `selector` in (start, end], in consecutive pieces of time."""
        longest = _SAMPLES_AT_ONCE * self.configuration.scrape_interval.total_seconds()
        while start < end:
            piece_end = min(end, start + longest)
            try:
                yield self._samples(selector, start, piece_end)
            except Unanswered as unanswered:
                shorter = (piece_end - start) / 2
                least = _FEWEST_SAMPLES * self.configuration.scrape_interval.total_seconds()
                if unanswered.reason is not Reason.ANSWER_TOO_LARGE or shorter < least:
                    raise
                longest = shorter
                continue
            start = piece_end

    def memory_begins(self, start: float, at: float) -> float:
        """From when on the absence of a series proves something: minus infinity if the source scraped at `start`, else
        when its first `up` since then was, give or take a six-hundredth of the time; infinity if it has none."""
        fresh = _milliseconds(self.configuration.freshness.total_seconds())
        if self._query(f"count(last_over_time(up[{fresh}]))", start):
            return -inf
        step = max((at - start) / _SAMPLES_AT_ONCE, self.configuration.scrape_interval.total_seconds())
        query = f"min(min_over_time(timestamp(up)[{_milliseconds(at - start)}:{_milliseconds(step)}]))"
        result = self._query(query, at)
        return self._read(lambda: _single(result)[1]) if result else inf

    def knows(self, name: str, at: float) -> bool:
        """Whether any series has had the metric name `name` in the week up to `at`. Asks the index only."""
        if name not in self._names_seen:
            period = {"start": f"{at - MEMORY.total_seconds():.3f}", "end": f"{at:.3f}"}
            found = self._call(
                lambda: self._client.get_label_values("__name__", params={"match[]": name, "limit": "1", **period})
            )
            if not isinstance(found, list) or name not in found:
                return False
            self._names_seen.add(name)
        return True

    def _samples(self, selector: str, start: float, end: float) -> list[Series]:
        result = self._query(f"{selector}[{_milliseconds(end - start)}]", end)
        return self._read(lambda: [Series(_labels(one), _samples_of(one)) for one in result])

    def _query(self, query: str, at: float, **parameters: str) -> list[Any]:
        result = self._call(lambda: self._client.custom_query(query, params={"time": f"{at:.3f}", **parameters}))
        if not isinstance(result, list):
            raise self._about(Reason.NOT_PROMETHEUS, "the answer is not one of the Prometheus API")
        return result

    def _call(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Unanswered as unanswered:
            raise self._about(unanswered.reason, unanswered.message, unanswered.retry_after) from None
        except (KeyError, TypeError):
            raise self._about(Reason.NOT_PROMETHEUS, "the answer is not one of the Prometheus API") from None

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except Unanswered as unanswered:
            raise self._about(unanswered.reason, unanswered.message) from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise self._about(Reason.NOT_PROMETHEUS, "the answer does not have the form that was asked for") from None

    def _about(self, reason: Reason, message: str, retry_after: float | None = None) -> Unanswered:
        return Unanswered(reason, f"metric source {self.configuration.name!r}: {message}", retry_after)


def _single(result: list[Any]) -> Sample:
    if not result:
        raise Unanswered(Reason.NO_SERIES, "the query yields no series")
    if not isinstance(result[0], dict):
        time, value = result
        return float(time), _number(value)
    if any("values" in one or "histograms" in one for one in result):
        raise Unanswered(Reason.BAD_QUERY, "the query yields a range of samples; it has to yield one number")
    if any("histogram" in one for one in result):
        raise Unanswered(Reason.BAD_QUERY, "the query yields a histogram; it has to yield one number")
    if len(result) > 1:
        names = sorted({name for one in result for name in one["metric"]})
        by = f", which differ by some of the labels {', '.join(names[:10])}" if names else ""
        message = f"the query yields {len(result)} series{by}; it has to yield one, for example with sum()"
        raise Unanswered(Reason.AMBIGUOUS_RESULT, message)
    time, value = result[0]["value"]
    return float(time), _number(value)


def _single_range(result: list[Any]) -> list[Sample]:
    if not result:
        return []
    if any("histograms" in one for one in result):
        raise Unanswered(Reason.BAD_QUERY, "the query yields histograms; it has to yield numbers")
    if len(result) > 1:
        message = f"the query yields {len(result)} series; it has to yield one, for example with sum()"
        raise Unanswered(Reason.AMBIGUOUS_RESULT, message)
    return [(float(time), _number(value)) for time, value in result[0]["values"]]


def _samples_of(one: dict[str, Any]) -> tuple[Sample, ...]:
    if "values" not in one:
        raise Unanswered(Reason.NOT_A_COUNTER, "a series holds native histograms, a counter is needed")
    return tuple((float(time), _number(value)) for time, value in one["values"])


def _number(value: Any) -> float:
    # Prometheus writes sample values as strings. A number here would be another server's answer.
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return float(value)


def _labels(one: dict[str, Any]) -> Labels:
    """What tells series of one selector apart. Not the name: some servers drop it in last_over_time."""
    return frozenset((str(name), str(value)) for name, value in one["metric"].items() if name != "__name__")


def _milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
