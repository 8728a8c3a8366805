"""Counts of several pods on a real Prometheus: pods that crash, restart, come and go, gaps, and a mirror's counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from tests.metrics.exporting import Exporter, RealPrometheus

from modelwright.analysis.counts import Counts
from modelwright.cli.kubectl import main
from modelwright.metrics.asking import Asker
from modelwright.metrics.pairing import paired_blocks
from modelwright.metrics.questions import CountsLook, CountsQuestion, Look, MeanLook, MeanQuestion, NoLook
from modelwright.metrics.variables import selector


class Rollout:
    """Pods of one rollout, each an exporter with the labels that a pod's scrape adds."""

    def __init__(self, prometheus: RealPrometheus, name: str) -> None:
        self._prometheus, self._name = prometheus, name
        self._asker = Asker({"real": prometheus.source})
        self._pods: list[Exporter] = []

    def start(self, pod: str, revision: str = "b") -> Exporter:
        labels = {"namespace": "ml", "rollout": self._name, "revision": revision, "pod": pod}
        exporter = Exporter(**labels)
        self._prometheus.scrape(exporter)
        self._pods.append(exporter)
        return exporter

    def stop(self, pod: Exporter) -> None:
        self._pods.remove(pod)
        self._prometheus.stop_scraping(pod)

    def look(self, since: datetime, revision: str = "b", *, restarted: bool = False) -> Look:
        asker = Asker({"real": self._prometheus.source}) if restarted else self._asker
        chosen = selector("ml", self._name, revision)
        return asker.ask(
            CountsQuestion(
                "real",
                "errors",
                "candidate",
                f"errors_total{{{chosen}}}",
                f"requests_total{{{chosen}}}",
                timedelta(microseconds=1),
                since=since,
            )
        )

    def look_at_mean(self, since: datetime) -> Look:
        """By an asker that has just started."""
        chosen = selector("ml", self._name, "b")
        count, total, squares = (f"latency_{part}{{{chosen}}}" for part in ("count", "sum", "squares"))
        every = timedelta(microseconds=1)
        question = MeanQuestion("real", "latency", "candidate", count, total, squares, every, since=since)
        return Asker({"real": self._prometheus.source}).ask(question)

    def counts(self, since: datetime, revision: str = "b") -> Counts:
        """What is found by going on, and the same by an asker that has just started."""
        look, anew = self.look(since, revision), self.look(since, revision, restarted=True)
        assert isinstance(look, CountsLook), look
        assert isinstance(anew, CountsLook), anew
        assert look.counts == anew.counts
        return look.counts

    def close(self) -> None:
        for pod in list(self._pods):
            self.stop(pod)


@pytest.fixture
def rollout(prometheus: RealPrometheus, request: pytest.FixtureRequest) -> Iterator[Rollout]:
    rollout = Rollout(prometheus, request.node.name)
    yield rollout
    rollout.close()


def page(requests: int, errors: int | None = None) -> str:
    return f"requests_total {requests}\n" + ("" if errors is None else f"errors_total {errors}\n")


def test_a_pod_that_crashes_keeps_what_was_counted_and_begins_anew(rollout: Rollout) -> None:
    pod = rollout.start("one")
    pod.show(page(500, 5))
    since = datetime.now(UTC)
    pod.show(page(540, 9))
    assert rollout.counts(since) == Counts(4, 40)
    pod.show(None)
    pod.show(page(7, 2))
    assert rollout.counts(since) == Counts(6, 47)
    pod.show(page(30, 2))
    assert rollout.counts(since) == Counts(6, 70)


def test_a_pod_that_is_replaced_counts_from_its_first_request(rollout: Rollout) -> None:
    first = rollout.start("one")
    first.show(page(500, 5))
    since = datetime.now(UTC)
    first.show(page(520, 6))
    assert rollout.counts(since) == Counts(1, 20)
    rollout.stop(first)
    second = rollout.start("two")
    second.show(page(11, 3))
    assert rollout.counts(since) == Counts(4, 31)


def test_pods_that_are_added_and_taken_away_neither_add_nor_take_away_counts(rollout: Rollout) -> None:
    pods = [rollout.start(name) for name in ("one", "two")]
    for pod in pods:
        pod.show(page(100, 0))
    since = datetime.now(UTC)
    for pod in pods:
        pod.show(page(150, 1))
    third = rollout.start("three")
    third.show(page(20, 0))
    assert rollout.counts(since) == Counts(2, 120)
    rollout.stop(pods[0])
    pods[1].show(page(160, 1))
    assert rollout.counts(since) == Counts(2, 130)


def test_an_error_that_was_first_seen_after_a_scrape_gap_counts_all_the_same(rollout: Rollout) -> None:
    pod = rollout.start("one")
    pod.show(page(100))
    since = datetime.now(UTC)
    pod.show(None)
    pod.show(page(200, 8))
    assert rollout.counts(since) == Counts(8, 100)


def test_a_mirror_counts_the_copies_of_its_own_revision_only(rollout: Rollout) -> None:
    """A fifth of stable's requests, copied to a candidate whose answers nobody gets."""
    stable, candidate = rollout.start("one", "a"), rollout.start("two", "b")
    stable.show(page(1000, 0))
    candidate.show(page(0, 0))
    since = datetime.now(UTC)
    stable.show(page(1500, 0))
    candidate.show(page(100, 20))
    assert rollout.counts(since, "a") == Counts(0, 500)
    assert rollout.counts(since, "b") == Counts(20, 100)


def test_a_revision_without_pods_has_no_series_rather_than_no_errors(rollout: Rollout) -> None:
    look = rollout.look(datetime.now(UTC) - timedelta(seconds=5))
    assert isinstance(look, NoLook)
    assert look.reason == "NoSeries"


def measured(count: int, total: float, squares: float) -> str:
    return f"latency_count {count}\nlatency_sum {total}\nlatency_squares {squares}\n"


def test_a_mean_is_that_of_all_pods_through_a_crash_a_gap_and_a_new_pod(rollout: Rollout) -> None:
    """Sums of what is measured are no whole numbers, and begin anew with a process just as counts do."""
    first = rollout.start("one")
    first.show(measured(1000, 3000.5, 10_000.25))
    since = datetime.now(UTC)
    first.show(measured(1010, 3030.5, 10_100.25))
    first.show(None)
    first.show(measured(4, 10.25, 30.0))
    second = rollout.start("two")
    second.show(measured(6, 19.75, 70.0))
    look, anew = rollout.look_at_mean(since), rollout.look_at_mean(since)
    assert isinstance(look, MeanLook), look
    assert isinstance(anew, MeanLook), anew
    assert look.moments == anew.moments
    assert look.moments.count == 20
    assert look.moments.sum == pytest.approx(60.0)
    assert look.moments.squares == pytest.approx(200.0)


def test_lint_foretells_from_what_a_real_prometheus_has_seen(
    rollout: Rollout, request: pytest.FixtureRequest, prometheus: RealPrometheus
) -> None:
    pod = rollout.start("one")
    pod.show("model_requests_total 0\nmodel_request_errors_total 0\n")
    pod.show("model_requests_total 6000\nmodel_request_errors_total 60\n")
    manifest = MANIFEST.replace("NAME", request.node.name)
    options = ["--prometheus", prometheus.source.configuration.url, "--namespace", "ml", "--over", "1m"]
    told = CliRunner().invoke(main, ["lint", "-", *options], input=manifest)
    seen, first, *_ = told.stdout.splitlines()
    assert re.search(r"errors: seen [0-9.]+/s, 0.01 of them events, over the last 1m$", seen), told.output
    assert "step 1 (10 %, 5m), errors: passes after " in first


MANIFEST = """
apiVersion: modelwright.dev/v1alpha1
kind: ModelRollout
metadata: {name: NAME}
spec:
  model: {version: v12, uri: "s3://models/churn/v12"}
  workload:
    deployment:
      template: {spec: {containers: [{name: model, image: serve, ports: [{name: http, containerPort: 8080}]}]}}
  traffic: {httpRoute: {managed: {parentRefs: [{name: public}]}}}
"""


def test_blocks_of_two_arms_add_up_to_what_was_finished(rollout: Rollout) -> None:
    stable, candidate = rollout.start("one", "a"), rollout.start("two", "b")
    for pod in (stable, candidate):
        pod.show(page(100, 0))
    since = datetime.now(UTC)
    stable.show(page(150, 0))
    candidate.show(page(130, 3))
    looks = [rollout.look(since, revision) for revision in ("a", "b")]
    assert all(isinstance(look, CountsLook) for look in looks)
    one, other = (look for look in looks if isinstance(look, CountsLook))
    blocks = paired_blocks(one, other)
    assert sum(block.stable.total for block in blocks) in (0, 50)
    assert sum(block.candidate.total for block in blocks) in (0, 30)
    assert one.blocks_until is not None
    assert all(block.at < one.blocks_until for block in blocks)
