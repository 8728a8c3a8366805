"""Each preset counts what it says, on a real Prometheus that scrapes a page in the shape that the server documents.

The pages are in exposition/, one for each server, with {ok}, {failed}, {fast}, {all} and {probes} for numbers. Scraping
adds namespace, rollout and revision, as it does for pods that carry our labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.metrics.exporting import Exporter, RealPrometheus

from modelwright.analysis.counts import Counts
from modelwright.api.durations import parse_duration
from modelwright.api.metrics import Proportion
from modelwright.api.presets import DEFAULT_METRICS, Preset, Server, preset_proportion
from modelwright.api.presets import requests as requests_of
from modelwright.errors import InvalidSpec
from modelwright.metrics.asking import Asker
from modelwright.metrics.questions import CountsLook, CountsQuestion
from modelwright.metrics.selectors import parse_counter
from modelwright.metrics.variables import render, selector

PAGES = Path(__file__).parent / "exposition"
HALF_A_SECOND = timedelta(milliseconds=500)
WITH_HISTOGRAM = [server for server in Server if server is not Server.TRITON]


def page(server: Server, **numbers: int) -> str:
    text = (PAGES / f"{server}.txt").read_text()
    for name, number in numbers.items():
        text = text.replace(f"{{{name}}}", str(number))
    return text


class Served:
    """A pod of one server that has answered some requests, and then 50 more: 7 of them with 5xx, 40 in time."""

    def __init__(self, server: Server, exporter: Exporter, prometheus: RealPrometheus) -> None:
        self._asker = Asker({"real": prometheus.source})
        self._variables = {"selector": selector("ml", exporter.labels["rollout"], "77d0aa91c2")}
        exporter.show(page(server, ok=1000, failed=100, fast=900, all=1100, probes=5000))
        self._since = datetime.now(UTC)
        exporter.show(page(server, ok=1043, failed=107, fast=940, all=1150, probes=9000))

    def counts(self, proportion: Proportion) -> Counts:
        question = CountsQuestion(
            "real",
            "preset",
            "candidate",
            render(proportion.events, self._variables),
            render(proportion.total, self._variables),
            timedelta(microseconds=1),
            since=self._since,
        )
        look = self._asker.ask(question)
        assert isinstance(look, CountsLook), look
        return look.counts


@pytest.fixture(scope="module")
def exporters(prometheus: RealPrometheus) -> Iterator[Mapping[Server, Exporter]]:
    """One pod of each server."""
    labels = {"namespace": "ml", "revision": "77d0aa91c2", "pod": "a"}
    made = {server: Exporter(rollout=server.lower(), **labels) for server in Server}
    prometheus.scrape(*made.values())
    yield made
    for exporter in made.values():
        prometheus.stop_scraping(exporter)


@pytest.fixture(scope="module", params=list(Server))
def served(
    request: pytest.FixtureRequest, exporters: Mapping[Server, Exporter], prometheus: RealPrometheus
) -> tuple[Server, Served]:
    return request.param, Served(request.param, exporters[request.param], prometheus)


def test_request_errors_are_counted_among_requests_without_probes(served: tuple[Server, Served]) -> None:
    server, pod = served
    assert pod.counts(preset_proportion(Preset.REQUEST_ERRORS, server)) == Counts(7, 50)
    assert pod.counts(Proportion(requests_of(server), requests_of(server))) == Counts(50, 50)


def test_slow_requests_are_those_above_the_bucket(served: tuple[Server, Served]) -> None:
    server, pod = served
    if server not in WITH_HISTOGRAM:
        with pytest.raises(InvalidSpec, match="has no histogram of durations"):
            preset_proportion(Preset.SLOW_REQUESTS, server, HALF_A_SECOND)
        return
    assert pod.counts(preset_proportion(Preset.SLOW_REQUESTS, server, HALF_A_SECOND)) == Counts(10, 50)


def test_wrong_predictions_are_counted_among_those_with_a_label(served: tuple[Server, Served]) -> None:
    server, pod = served
    if server is Server.MODELWRIGHT:
        assert pod.counts(preset_proportion(Preset.WRONG_PREDICTIONS)) == Counts(7, 50)
        return
    with pytest.raises(InvalidSpec, match="whatever follows the labels exports its counters"):
        preset_proportion(Preset.WRONG_PREDICTIONS, server)


@pytest.mark.parametrize("server", list(Server))
def test_presets_select_one_revision_and_are_counters(server: Server) -> None:
    found = [preset_proportion(Preset.REQUEST_ERRORS, server)]
    if server in WITH_HISTOGRAM:
        found.append(preset_proportion(Preset.SLOW_REQUESTS, server, HALF_A_SECOND))
    for proportion in found:
        for expression in (proportion.events, proportion.total):
            assert expression.count("{$(selector)") == expression.count("{") > 0
            parse_counter(render(expression, {"selector": selector("ml", "churn", "77d0aa91c2")}))


@pytest.mark.parametrize(
    ("slower_than", "server", "matcher"),
    [
        ("250ms", Server.MODELWRIGHT, 'le="0.25"'),
        ("1s", Server.MODELWRIGHT, 'le=~"1([.]0)?"'),
        ("100s", Server.MODELWRIGHT, 'le=~"100([.]0)?"'),
        ("1500ms", Server.KSERVE, 'le="1.5"'),
        ("1s", Server.ISTIO, 'le=~"1000([.]0)?"'),
        ("5ms", Server.ENVOY, 'le=~"5([.]0)?"'),
    ],
)
def test_a_bucket_is_written_as_servers_write_it(slower_than: str, server: Server, matcher: str) -> None:
    proportion = preset_proportion(Preset.SLOW_REQUESTS, server, parse_duration(slower_than))
    assert proportion.events.endswith(f"{matcher}}}")


@pytest.mark.parametrize(
    ("preset", "slower_than", "message"),
    [
        (Preset.SLOW_REQUESTS, None, "must be set with preset SlowRequests"),
        (Preset.SLOW_REQUESTS, timedelta(0), "must be longer than 0s"),
        (Preset.REQUEST_ERRORS, HALF_A_SECOND, "must go with preset SlowRequests, found RequestErrors"),
        (Preset.WRONG_PREDICTIONS, HALF_A_SECOND, "must go with preset SlowRequests, found WrongPredictions"),
    ],
)
def test_a_bucket_goes_with_slow_requests_only(preset: Preset, slower_than: timedelta | None, message: str) -> None:
    with pytest.raises(InvalidSpec, match=message) as refused:
        preset_proportion(preset, None, slower_than, path="spec.analysis.metrics[0]")
    assert refused.value.path == "spec.analysis.metrics[0].slowerThan"


def test_a_rollout_without_metrics_is_judged_by_its_request_errors() -> None:
    (metric,) = DEFAULT_METRICS
    assert metric.proportion == preset_proportion(Preset.REQUEST_ERRORS)
    assert metric.stable is not None
