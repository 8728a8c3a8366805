"""Reading a RetrainPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.fields import Fields
from modelwright.api.parsing import metrics, shared
from modelwright.api.parsing.gate import gate
from modelwright.api.parsing.pipeline import pipeline, resolvable
from modelwright.api.parsing.statuses import parse_policy_status
from modelwright.api.policy import (
    Limits,
    MetricTrigger,
    PolicySpec,
    RetrainPolicy,
    Trigger,
)
from modelwright.api.rollout import State


def parse_policy(body: Mapping[str, Any]) -> RetrainPolicy:
    """The RetrainPolicy in `body`. Raises InvalidSpec for what a person has to change."""
    metadata = shared.metadata(body)
    return RetrainPolicy(
        namespace=metadata.text("namespace"),
        name=metadata.text("name"),
        uid=metadata.text("uid"),
        generation=metadata.integer("generation"),
        resource_version=metadata.text("resourceVersion"),
        spec=_spec(shared.spec(body)),
        status=parse_policy_status(body),
        annotations=dict(metadata.section_or_empty("annotations").as_written()),
        deleted_at=metadata.maybe_time("deletionTimestamp"),
    )


def _spec(fields: Fields) -> PolicySpec:
    limits = fields.section_or_empty("limits")
    return PolicySpec(
        pipeline=pipeline(fields.section("pipeline"), resolvable),
        state=fields.choice("state", State, PolicySpec.state),
        triggers=tuple(_trigger(trigger) for trigger in fields.some_sections("triggers")),
        limits=Limits(limits.duration("cooldown", Limits.cooldown), limits.duration("settle", Limits.settle)),
        gate=gate(fields.maybe_section("gate")),
        model_rollout=_model_rollout(fields),
    )


def _model_rollout(fields: Fields) -> str:
    champion = fields.maybe_section("championFrom")
    return champion.section("modelRolloutRef").text("name") if champion else ""


def _trigger(fields: Fields) -> Trigger:
    return Trigger(fields.text("name"), _metric_trigger(fields.section("metric")))


def _metric_trigger(fields: Fields) -> MetricTrigger:
    fields.exactly_one("proportion", "value")
    proportion, value = fields.maybe_section("proportion"), fields.maybe_section("value")
    return MetricTrigger(
        bounds=metrics.bounds(fields),
        proportion=metrics.windowed_proportion(proportion) if proportion else None,
        value=metrics.value(value) if value else None,
        source=fields.text("source", MetricTrigger.source),
        confidence=fields.decimal("confidence", MetricTrigger.confidence),
        min_samples=fields.integer("minSamples", MetricTrigger.min_samples),
        hold=fields.duration("for", MetricTrigger.hold),
    )
