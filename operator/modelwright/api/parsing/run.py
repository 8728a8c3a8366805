"""Reading a RetrainRun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.budget import Price
from modelwright.api.fields import Fields
from modelwright.api.parsing import shared
from modelwright.api.parsing.pipeline import launched_package, literal, pipeline
from modelwright.api.parsing.statuses import parse_run_status
from modelwright.api.records import read_record
from modelwright.api.run import Evidence, Purpose, RetrainRun, RunSpec, Streak


def parse_run(body: Mapping[str, Any]) -> RetrainRun:
    """The RetrainRun in `body`. Raises InvalidSpec where it is none of ours."""
    metadata = shared.metadata(body)
    return RetrainRun(
        namespace=metadata.text("namespace"),
        name=metadata.text("name"),
        uid=metadata.text("uid"),
        generation=metadata.integer("generation"),
        resource_version=metadata.text("resourceVersion"),
        spec=_spec(shared.spec(body)),
        status=parse_run_status(body),
        annotations=dict(metadata.section_or_empty("annotations").as_written()),
        created_at=metadata.maybe_time("creationTimestamp"),
        deleted_at=metadata.maybe_time("deletionTimestamp"),
    )


def _spec(fields: Fields) -> RunSpec:
    policy, champion = fields.section("policyRef"), fields.maybe_section("champion")
    streak, price = fields.maybe_section("streak"), fields.maybe_section("price")
    return RunSpec(
        number=fields.integer("number"),
        policy_name=policy.text("name"),
        policy_uid=policy.text("uid"),
        policy_generation=policy.integer("generation"),
        key=fields.text("key"),
        evidence=tuple(read_record(Evidence, evidence) for evidence in fields.some_sections("evidence")),
        pipeline=pipeline(fields.section("pipeline"), literal, launched_package),
        champion=shared.model(champion) if champion else None,
        streak=read_record(Streak, streak) if streak else RunSpec.streak,
        model=fields.text("model", RunSpec.model),
        purpose=fields.choice("purpose", Purpose, RunSpec.purpose),
        planned_recipe=fields.text("plannedRecipe", RunSpec.planned_recipe),
        price=read_record(Price, price) if price else None,
        confidence=fields.text("confidence", RunSpec.confidence),
    )
