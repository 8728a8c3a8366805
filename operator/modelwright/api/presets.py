"""Metrics that need no PromQL: what each preset stands for, and what judges a rollout that names no metrics."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from modelwright.api.metrics import AgainstStable, Metric, Proportion


class Preset(StrEnum):
    REQUEST_ERRORS = "RequestErrors"


# The names are those of Modelwright's model server. The error counter exists from its start at 0, so that no errors
# are told from no data.
PROPORTIONS: Mapping[Preset, Proportion] = {
    Preset.REQUEST_ERRORS: Proportion(
        events="model_request_errors_total{$(selector)}",
        total="model_requests_total{$(selector)}",
    ),
}

REQUESTS = "model_requests_total{$(selector)}"
"""Counts every answered request of a revision: what the observed share of traffic is read from."""

COMPARISON = AgainstStable(max_increase=Decimal("0.005"))

DEFAULT_METRICS = (Metric(name="errors", proportion=PROPORTIONS[Preset.REQUEST_ERRORS], stable=COMPARISON),)
