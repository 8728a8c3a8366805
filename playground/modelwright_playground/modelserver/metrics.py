"""What the server tells Prometheus. Every series that can be known in advance exists at 0 from the start.

A counter that appears with its first event hides that event from Prometheus, and only a new revision has new series:
without the zeros a candidate's first errors would not be seen.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from modelwright_playground.modelserver.drift import Drift
from modelwright_playground.modelserver.maturity import Matured

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
LABELS = ("model", "version")
CODES = (200, 400, 500, 503)


class Metrics:
    """The metrics of one model version in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, model: str, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._own = (model, version)
        self._requests = self._counter("model_requests", "Inference requests by HTTP code", "code")
        self._errors = self._counter("model_request_errors", "Inference requests answered with 5xx").labels(*self._own)
        self._seconds = Histogram(
            "model_request_duration_seconds",
            "Time from a request's arrival to its answer",
            LABELS,
            registry=self._registry,
            buckets=BUCKETS,
        ).labels(*self._own)
        self._predictions = self._counter("model_predictions", "Predictions by class", "class")
        quality = {
            "modelwright_matured": "Predictions older than the label horizon, each counted once",
            "modelwright_matured_labelled": "Matured predictions whose label came in time",
            "modelwright_matured_correct": "Matured predictions that equal their label",
            "modelwright_matured_wrong": "Matured predictions that differ from their label",
            "modelwright_untracked_predictions": "Predictions whose labels are not followed, for want of room",
            "modelwright_skipped_label_lines": "Lines of the label stream that were no label",
        }
        self._quality = {name: self._counter(name, text).labels(*self._own) for name, text in quality.items()}
        self._drift: tuple[Drift, Gauge, Gauge] | None = None
        for code in CODES:
            self._requests.labels(*self._own, str(code))

    def expect_classes(self, classes: Iterable[int]) -> None:
        """Let the series of these classes exist before their first prediction."""
        for each in classes:
            self._predictions.labels(*self._own, str(each))

    def follow(self, drift: Drift) -> None:
        """Tell with each scrape how far requests are from the training rows. Only models that state these have it."""
        text = "Population stability index of the newest requests against the training rows"
        effect = Gauge("modelwright_drift_effect", text, (*LABELS, "feature"), registry=self._registry)
        rows = Gauge("modelwright_drift_rows", "Requests behind it", LABELS, registry=self._registry)
        self._drift = (drift, effect, rows.labels(*self._own))

    def request(self, code: int, seconds: float) -> None:
        """An inference request was answered."""
        self._requests.labels(*self._own, str(code)).inc()
        self._seconds.observe(seconds)
        if code >= 500:
            self._errors.inc()

    def prediction(self, label: int) -> None:
        """A row was predicted."""
        self._predictions.labels(*self._own, str(label)).inc()

    def untracked(self) -> None:
        """A prediction will not be matched with its label."""
        self._quality["modelwright_untracked_predictions"].inc()

    def skipped_lines(self, count: int) -> None:
        """Lines of the label stream were unreadable."""
        self._quality["modelwright_skipped_label_lines"].inc(count)

    def matured(self, counts: Matured) -> None:
        """Predictions reached their horizon."""
        self._quality["modelwright_matured"].inc(counts.matured)
        self._quality["modelwright_matured_labelled"].inc(counts.labelled)
        self._quality["modelwright_matured_correct"].inc(counts.correct)
        self._quality["modelwright_matured_wrong"].inc(counts.wrong)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        if self._drift:
            drift, effect, rows = self._drift
            rows.set(drift.rows)
            for name, size in drift.effects().items():
                effect.labels(*self._own, name).set(size)
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, (*LABELS, *labels), registry=self._registry)
