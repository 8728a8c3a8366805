"""Metrics that need no PromQL: what each preset stands for, and what judges a rollout that names no metrics. Pure.

A preset is a proportion of counters that a kind of server is documented to have. docs/profiles.md says which of them
cannot tell revisions apart by themselves, and which relabelling they need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from modelwright.api.durations import format_duration
from modelwright.api.metrics import AgainstStable, Metric, Proportion
from modelwright.errors import InvalidSpec


class Preset(StrEnum):
    """RequestErrors: answered with 5xx. SlowRequests: took longer than `slowerThan`. WrongPredictions: of those old
    enough to have their label, the share that differs from it."""

    REQUEST_ERRORS = "RequestErrors"
    SLOW_REQUESTS = "SlowRequests"
    WRONG_PREDICTIONS = "WrongPredictions"


class Server(StrEnum):
    """Whose counters a preset reads. ISTIO and ENVOY are not model servers: they count in front of any of them."""

    MODELWRIGHT = "ModelwrightServer"
    KSERVE = "KServe"
    MLSERVER = "MLServer"
    BENTOML = "BentoML"
    RAY_SERVE = "RayServe"
    TRITON = "Triton"
    ISTIO = "Istio"
    ENVOY = "Envoy"


@dataclass(frozen=True)
class Histogram:
    """A histogram's name without its suffixes, the matchers of inference requests, and what its `le` counts."""

    name: str
    matchers: str = ""
    unit: timedelta = timedelta(seconds=1)

    def slower_than(self, bucket: timedelta) -> Proportion:
        every = f"{self.name}_count{{{_matchers(self.matchers)}}}"
        fast = f"{self.name}_bucket{{{_matchers(self.matchers, _bucket(bucket, self.unit))}}}"
        return Proportion(events=f"{every} - {fast}", total=every)


def _matchers(*matchers: str) -> str:
    return ",".join(("$(selector)", *filter(None, matchers)))


def _counted(name: str, errors: str, matchers: str = "") -> Proportion:
    return Proportion(f"{name}{{{_matchers(matchers, errors)}}}", f"{name}{{{_matchers(matchers)}}}")


def _bucket(bucket: timedelta, unit: timedelta) -> str:
    """The matcher of one bucket. TRAP: what Go writes as "1" is "1.0" in Python, and in the storage of Prometheus 3."""
    bound = format(Decimal(bucket // timedelta(microseconds=1)) / Decimal(unit // timedelta(microseconds=1)), "f")
    if "." in bound:
        bound = bound.rstrip("0").rstrip(".")
    return f'le="{bound}"' if "." in bound else f'le=~"{bound}([.]0)?"'


_MILLISECOND = timedelta(milliseconds=1)
_MLSERVER = 'path=~".*/infer"'
# Probes are requests to BentoML and Ray Serve too. They never fail, and would dilute the share.
_BENTOML = 'endpoint!~"/|/(healthz|livez|readyz|metrics)"'
_RAY_SERVE = 'route!~"/-/.*"'
# In the pod of the model, where only requests to it are counted as arriving. What it asks of others leaves.
_ISTIO = 'reporter="destination"'

_ERRORS: Mapping[Server, Proportion] = {
    # This error counter exists from the server's start at 0, so that no errors are told from no data.
    Server.MODELWRIGHT: Proportion("model_request_errors_total{$(selector)}", "model_requests_total{$(selector)}"),
    Server.KSERVE: _counted("kn_serving_invocation_duration_seconds_count", 'http_response_status_code=~"5.."'),
    Server.MLSERVER: _counted("rest_server_requests_total", 'status_code=~"5.."', _MLSERVER),
    Server.BENTOML: _counted("bentoml_service_request_total", 'http_response_code=~"5.."', _BENTOML),
    Server.RAY_SERVE: _counted("ray_serve_num_http_requests_total", 'status_code=~"5.."', _RAY_SERVE),
    Server.TRITON: Proportion(
        events='nv_inference_request_failure{$(selector),reason!="CANCELED"}',
        total="nv_inference_request_success{$(selector)} + nv_inference_request_failure{$(selector)}",
    ),
    Server.ISTIO: _counted("istio_requests_total", 'response_code=~"5.."', _ISTIO),
    Server.ENVOY: _counted("envoy_cluster_upstream_rq_xx", 'envoy_response_code_class="5"'),
}

_DURATIONS: Mapping[Server, Histogram] = {
    Server.MODELWRIGHT: Histogram("model_request_duration_seconds"),
    Server.KSERVE: Histogram("kn_serving_invocation_duration_seconds"),
    Server.MLSERVER: Histogram("rest_server_request_duration_seconds", _MLSERVER),
    Server.BENTOML: Histogram("bentoml_service_request_duration_seconds", _BENTOML),
    Server.RAY_SERVE: Histogram("ray_serve_http_request_latency_ms", _RAY_SERVE, _MILLISECOND),
    Server.ISTIO: Histogram("istio_request_duration_milliseconds", _ISTIO, _MILLISECOND),
    Server.ENVOY: Histogram("envoy_cluster_upstream_rq_time", unit=_MILLISECOND),
}

_WRONG = Proportion("modelwright_matured_wrong_total{$(selector)}", "modelwright_matured_total{$(selector)}")

COMPARISONS: Mapping[Preset, AgainstStable] = {
    Preset.REQUEST_ERRORS: AgainstStable(max_increase=Decimal("0.005")),
    Preset.SLOW_REQUESTS: AgainstStable(max_increase=Decimal("0.01")),
    Preset.WRONG_PREDICTIONS: AgainstStable(max_increase=Decimal("0.01")),
}
"""What a preset is compared with where the spec does not say."""


def preset_proportion(
    preset: Preset, server: Server | None = None, slower_than: timedelta | None = None, *, path: str = ""
) -> Proportion:
    """The counters of `preset`. `path` is that of the metric. Raises InvalidSpec for what the server does not count."""
    if (preset is Preset.SLOW_REQUESTS) != (slower_than is not None):
        needed = "must be set with preset SlowRequests, to a bucket of the server's histogram such as '500ms'"
        refused = f"must go with preset SlowRequests, found {preset}"
        raise InvalidSpec(_at(path, "slowerThan"), refused if slower_than is not None else needed)
    if preset is Preset.WRONG_PREDICTIONS:
        if server is not None:
            message = "must be left out with preset WrongPredictions: whatever follows the labels exports its counters"
            raise InvalidSpec(_at(path, "server"), message)
        return _WRONG
    server = server or Server.MODELWRIGHT
    if slower_than is None:
        return _ERRORS[server]
    if slower_than <= timedelta(0):
        raise InvalidSpec(_at(path, "slowerThan"), f"must be longer than 0s, found {format_duration(slower_than)}")
    if server not in _DURATIONS:
        message = (
            f"must not be {server} with preset SlowRequests: it has no histogram of durations; count at Istio or Envoy"
        )
        raise InvalidSpec(_at(path, "server"), message)
    return _DURATIONS[server].slower_than(slower_than)


def requests(server: Server | None = None) -> str:
    """The selector of all answered requests of a revision: what the observed share of traffic is read from."""
    return _ERRORS[server or Server.MODELWRIGHT].total


def _at(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


REQUESTS = requests()
"""Counts every answered request of a revision at Modelwright's model server."""

DEFAULT_METRICS = (
    Metric(
        name="errors",
        proportion=preset_proportion(Preset.REQUEST_ERRORS),
        stable=COMPARISONS[Preset.REQUEST_ERRORS],
    ),
)
