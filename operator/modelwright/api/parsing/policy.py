"""Reading a RetrainPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.fields import Fields
from modelwright.api.parsing import shared
from modelwright.api.parsing.gate import gate
from modelwright.api.parsing.limits import limits, on_rejected, on_rolled_back
from modelwright.api.parsing.pipeline import named_package, pipeline, resolvable
from modelwright.api.parsing.statuses import parse_policy_status
from modelwright.api.parsing.triggers import check_members, trigger
from modelwright.api.policy import History, PolicySpec, RetrainPolicy
from modelwright.api.publish import Publish, PublishWhen
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
    triggers = tuple(trigger(each) for each in fields.some_sections("triggers"))
    check_members(triggers, fields)
    return PolicySpec(
        pipeline=pipeline(fields.section("pipeline"), resolvable, named_package),
        model=fields.text("model", PolicySpec.model),
        state=fields.choice("state", State, PolicySpec.state),
        triggers=triggers,
        limits=limits(fields.section_or_empty("limits")),
        gate=gate(fields.maybe_section("gate")),
        publish=_publish(fields.maybe_section("publish")),
        history=_history(fields.section_or_empty("history")),
        on_rejected=on_rejected(fields.maybe_section("onRejected")),
        on_rolled_back=on_rolled_back(fields.maybe_section("onRolledBack")),
        model_rollout=_model_rollout(fields),
    )


def _publish(fields: Fields | None) -> Publish | None:
    if fields is None:
        return None
    mlflow = fields.section("mlflow")
    return Publish(
        alias=mlflow.text("alias"),
        registry=mlflow.text("registry", Publish.registry),
        model=mlflow.text("model", Publish.model),
        when=fields.choice("when", PublishWhen, Publish.when),
    )


def _history(fields: Fields) -> History:
    return History(
        approved=fields.integer("approved", History.approved),
        rejected=fields.integer("rejected", History.rejected),
        failed=fields.integer("failed", History.failed),
    )


def _model_rollout(fields: Fields) -> str:
    champion = fields.maybe_section("championFrom")
    return champion.section("modelRolloutRef").text("name") if champion else ""
