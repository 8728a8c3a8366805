"""The operator's own metrics: what it did, what it waits for, and the live numbers that status does not hold.

Gauges of objects are not set and removed but read off at each scrape, from the objects last seen and the answers last
given: so they are gone with their object, and only the replica that leads has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from modelwright import __version__
from modelwright.api.times import parse_time
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key, Kind
from modelwright.errors import Unavailable
from modelwright.metrics.questions import CountsLook, MeanLook, ValueLook

Object = Mapping[str, Any]
Answers = Callable[[], Iterable[tuple[Key, Any, Answer]]]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROLLOUT_SECONDS = (60, 300, 900, 3600, 10_800, 43_200, 86_400, 259_200, 604_800, 1_209_600)
_ROLLBACK_SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900)
_GOING_BACK = ("RollingBack", "Aborting")
_ROLLOUT = ("namespace", "name")


@dataclass
class Readings:
    """What is read at each scrape: whether this replica leads, how many keys wait, and the newest answers."""

    leads: Callable[[], bool]
    waiting: Callable[[], int]
    answers: Answers


class Telemetry:
    """Counts what rooms tell it. Every method may be called from any thread, and none of them fails."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._objects: dict[Key, Object] = {}
        build = Gauge("modelwright_build_info", "The operator's version", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self._reconciles = self._counter("modelwright_reconcile", "Passes over an object", "kind", "outcome")
        self._seconds = self._histogram("modelwright_reconcile_duration_seconds", "Duration of a pass", "kind")
        self._queries = self._histogram(
            "modelwright_query_duration_seconds", "Duration of asking a metric source", "source", "outcome"
        )
        self._saved = self._counter(
            "modelwright_queries_saved", "Questions answered with what another had asked just before", "source"
        )
        self._rollouts = self._counter(
            "modelwright_rollouts_finished", "Rollouts that ended, by result", "namespace", "result"
        )
        self._rollout_seconds = self._histogram(
            "modelwright_rollout_duration_seconds",
            "From a rollout's begin to its end",
            "namespace",
            "result",
            buckets=_ROLLOUT_SECONDS,
        )
        self._rollback_seconds = self._histogram(
            "modelwright_rollback_duration_seconds",
            "From the decision to go back to the route's confirmation",
            "namespace",
            buckets=_ROLLBACK_SECONDS,
        )
        self._runs = self._counter(
            "modelwright_retrain_runs_finished", "Retraining runs that ended, by outcome", "namespace", "outcome"
        )

    def read_from(self, readings: Readings) -> None:
        """From now on also tell what `readings` hold. Once."""
        self.registry.register(_Live(readings, self._objects))

    def reconciled(self, key: Key, outcome: str, seconds: float) -> None:
        """A pass ended: `outcome` is Done, Conflict, Unavailable (or another expected error) or Crashed."""
        self._reconciles.labels(key.kind, outcome).inc()
        self._seconds.labels(key.kind).observe(seconds)

    def looked(self, source: str, outcome: str, seconds: float) -> None:
        """A metric source was asked, or was not because the answer was there (`outcome` Shared)."""
        if outcome == "Shared":
            self._saved.labels(source).inc()
        else:
            self._queries.labels(source, outcome).observe(seconds)

    def saw(self, kind: Kind, body: Object, gone: bool) -> None:
        """An object as it is now. What ended before it was first seen is not counted: another process has."""
        if kind not in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN):
            return
        key = Key(kind.name, body["metadata"]["namespace"], body["metadata"]["name"])
        before = self._objects.pop(key, None)
        if gone:
            return
        # Only that, because a body also holds a pod template and everybody's managed fields.
        self._objects[key] = {"uid": body["metadata"].get("uid"), "status": body.get("status", {})}
        if before is None or before["uid"] != body["metadata"].get("uid"):
            return
        if kind is MODEL_ROLLOUT:
            self._saw_ends(key.namespace, before["status"], list(_new_ends(before, body)))
        elif kind is RETRAIN_RUN and not _outcome(before) and (outcome := _outcome(body)):
            self._runs.labels(key.namespace, outcome).inc()

    def _saw_ends(self, namespace: str, before: Object, ends: Sequence[Object]) -> None:
        for end in ends:
            self._rollouts.labels(namespace, end.get("result", "")).inc()
            if (seconds := _seconds_between(end.get("since"), end.get("at"))) is not None:
                self._rollout_seconds.labels(namespace, end.get("result", "")).observe(seconds)
        decided_at = before.get("stageSince") if before.get("stage") in _GOING_BACK else None
        if ends and (seconds := _seconds_between(decided_at, ends[0].get("at"))) is not None:
            self._rollback_seconds.labels(namespace).observe(seconds)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = _SECONDS) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=buckets)


class _Live(Collector):
    def __init__(self, readings: Readings, objects: Mapping[Key, Object]) -> None:
        self._readings = readings
        self._objects = objects

    def collect(self) -> Iterator[GaugeMetricFamily]:
        leads = self._readings.leads()
        yield _gauge("modelwright_is_leader", "1 if this replica may act", (), [((), float(leads))])
        yield _gauge("modelwright_queue_depth", "Objects to look at", (), [((), float(self._readings.waiting()))])
        if leads:
            yield from self._of_rollouts()
            yield from self._of_policies()
            yield from self._of_metrics()

    def _of_rollouts(self) -> Iterator[GaugeMetricFamily]:
        # list(): the event loop's thread goes on adding and removing.
        rollouts = [(key, body) for key, body in list(self._objects.items()) if key.kind == MODEL_ROLLOUT.name]
        weights, verdicts, phases = [], [], []
        for key, body in rollouts:
            status, own = body.get("status", {}), (key.namespace, key.name)
            for arm in ("stable", "candidate"):
                if arm in status:
                    labels = (*own, arm, status[arm].get("revision", ""), status[arm].get("version", ""))
                    weights.append((labels, _share(status, arm)))
            phases.append(((*own, status.get("phase", "")), 1.0))
            verdicts += [((*own, metric["name"], metric["verdict"]), 1.0) for metric in status.get("metrics", [])]
        labels = (*_ROLLOUT, "arm", "revision", "version")
        yield _gauge("modelwright_rollout_weight_percent", "Confirmed share of traffic", labels, weights)
        yield _gauge("modelwright_rollout_phase", "1 for the phase of a rollout", (*_ROLLOUT, "phase"), phases)
        yield _gauge(
            "modelwright_rollout_metric_verdict", "1 for the verdict", (*_ROLLOUT, "metric", "verdict"), verdicts
        )

    def _of_policies(self) -> Iterator[GaugeMetricFamily]:
        since, until = [], []
        for key, body in list(self._objects.items()):
            pending = body.get("status", {}).get("pending")
            if key.kind != RETRAIN_POLICY.name or not pending:
                continue
            labels = (key.namespace, key.name, pending["reason"])
            since.append((labels, parse_time(pending["since"]).timestamp()))
            if "until" in pending:
                until.append((labels, parse_time(pending["until"]).timestamp()))
        labels = (*_ROLLOUT, "reason")
        text = "Since when a retraining that was asked for is held back"
        yield _gauge("modelwright_retraining_held_since_timestamp_seconds", text, labels, since)
        text = "Until when it is, where that is known"
        yield _gauge("modelwright_retraining_held_until_timestamp_seconds", text, labels, until)

    def _of_metrics(self) -> Iterator[GaugeMetricFamily]:
        values, samples, times = {}, {}, {}
        for key, question, answer in self._readings.answers():
            # A past that is over is no newest value.
            found = None if getattr(question, "until", None) else _value(answer.value)
            if key.kind != MODEL_ROLLOUT.name or found is None:
                continue
            labels = (key.namespace, key.name, question.metric, question.arm)
            values[labels], samples[labels] = found
            times[labels] = answer.started_at.timestamp()
        labels = (*_ROLLOUT, "metric", "arm")
        yield _gauge("modelwright_rollout_metric_value", "Newest value of a metric", labels, values.items())
        yield _gauge("modelwright_rollout_metric_samples", "Observations behind it", labels, samples.items())
        yield _gauge("modelwright_rollout_metric_asked_timestamp_seconds", "When it was asked", labels, times.items())


def serve(telemetry: Telemetry, address: str, port: int) -> Callable[[], None]:
    """Serve /metrics from a thread of its own. Returns what stops it. Raises Unavailable where the port is taken."""
    try:
        server, thread = start_http_server(port, address, telemetry.registry)
    except OSError as error:
        raise Unavailable(f"cannot serve metrics on {address}:{port}: {error.strerror or error}") from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def _share(status: Object, arm: str) -> float:
    """The percent of traffic of an arm: by weight, or of the users whose buckets are the candidate's."""
    if audience := status.get("candidate", {}).get("audience"):
        return float(audience if arm == "candidate" else 100 - audience)
    return float(status[arm].get("weight", 0))


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def _value(look: Any) -> tuple[float, float] | None:
    """A look's number and the observations behind it; None for what is no number."""
    if isinstance(look, CountsLook) and look.counts.total:
        return look.counts.events / look.counts.total, float(look.counts.total)
    if isinstance(look, MeanLook) and look.moments.count:
        return look.moments.sum / look.moments.count, float(look.moments.count)
    if isinstance(look, ValueLook):
        return look.value, float(look.samples or 0)
    return None


def _seconds_between(since: str | None, at: str | None) -> float | None:
    """None where one of them is missing: a first version has no begin that is recorded."""
    return (parse_time(at) - parse_time(since)).total_seconds() if since and at else None


def _new_ends(before: Object, after: Object) -> Iterator[Object]:
    """The history entries that were not there before, whichever end they were added to."""
    known = {(entry.get("revision"), entry.get("at")) for entry in before.get("status", {}).get("history", [])}
    for entry in after.get("status", {}).get("history", []):
        if (entry.get("revision"), entry.get("at")) not in known:
            yield entry


def _outcome(run: Object) -> str:
    """The reason of a run's condition Succeeded once it is decided; before that ""."""
    for condition in run.get("status", {}).get("conditions", []):
        if condition.get("type") == "Succeeded" and condition.get("status") != "Unknown":
            return str(condition.get("reason", ""))
    return ""
