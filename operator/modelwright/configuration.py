"""The operator's configuration: what the platform provides under names, so that tenants address nothing.

It is read and parsed once, at the start; whoever needs some of it gets it from `Room.configuration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from modelwright.audit.configuration import AuditTarget, parse_audit
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.configuration import PipelineServer, pipeline_servers
from modelwright.metrics.configuration import MetricSource, parse_metric_sources
from modelwright.metrics.profiles import Profiles, parse_profiles
from modelwright.receiving.configuration import Receiver, parse_receivers
from modelwright.registries.configuration import Registry, parse_registries
from modelwright.retraining.rates import PipelineRates, parse_pipeline_rates
from modelwright.rollouts.configuration import RolloutLimits, parse_rollout_limits
from modelwright.smoke.configuration import SmokeChecks, parse_smoke_checks
from modelwright.webhooks.configuration import Webhook, parse_webhooks


@dataclass(frozen=True)
class Configuration:
    """One field for each section of the file, parsed; lists are by name."""

    sources: Mapping[str, MetricSource] = field(default_factory=dict)
    profiles: Profiles = field(default_factory=dict)
    servers: Mapping[str, PipelineServer] = field(default_factory=dict)
    rates: Mapping[str, PipelineRates] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    limits: RolloutLimits = field(default_factory=RolloutLimits)
    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    audit: AuditTarget = field(default_factory=AuditTarget)
    smoke: SmokeChecks = field(default_factory=SmokeChecks)


# Which section of the file becomes which field, and who parses it: each reads its section from the whole mapping.
SECTIONS = {
    "metricSources": ("sources", parse_metric_sources),
    "metricProfiles": ("profiles", parse_profiles),
    "pipelineServers": ("servers", pipeline_servers),
    "pipelineRates": ("rates", parse_pipeline_rates),
    "modelRegistries": ("registries", parse_registries),
    "webhooks": ("webhooks", parse_webhooks),
    "rolloutLimits": ("limits", parse_rollout_limits),
    "eventReceivers": ("receivers", parse_receivers),
    "audit": ("audit", parse_audit),
    "smokeCheck": ("smoke", parse_smoke_checks),
}


def read_configuration(path: Path) -> Configuration:
    """The file at `path`. Raises InvalidSpec with what was found and what is needed."""
    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InvalidSpec("--config", f"cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InvalidSpec("--config", f"is not YAML{where}") from error
    if not isinstance(found, dict):
        raise InvalidSpec("--config", "must be a mapping with metricSources and pipelineServers")
    return parse_configuration(found)


def parse_configuration(found: Mapping[str, Any]) -> Configuration:
    """What is written in `found`. Raises InvalidSpec with the path of the field that has to change."""
    if unknown := sorted(set(found) - set(SECTIONS)):
        raise InvalidSpec(unknown[0], f"is not known; known are {', '.join(sorted(SECTIONS))}")
    parsed: dict[str, Any] = {name: parse(found) for name, parse in SECTIONS.values()}
    return Configuration(**parsed)
