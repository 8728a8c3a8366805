"""Reading a ModelRollout. Defaults are those of the types; what has no value there is said here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from modelwright.api.durations import format_duration
from modelwright.api.fields import Fields
from modelwright.api.following import MlflowAlias, ModelFrom, PromotedIn, WhenNewer
from modelwright.api.metrics import During, RequiredFor
from modelwright.api.parsing import metrics, shared
from modelwright.api.parsing.ab_test import check_goals
from modelwright.api.parsing.holdback import check_holdback
from modelwright.api.parsing.statuses import parse_rollout_status
from modelwright.api.parsing.strategy import DEFAULT_STEPS, Strategy, strategy_of
from modelwright.api.parsing.traffic import route_beside
from modelwright.api.parsing.workload import workload
from modelwright.api.presets import DEFAULT_METRICS
from modelwright.api.rollout import (
    Analysis,
    Confirm,
    Holdback,
    ModelRollout,
    OnDeadline,
    OnNoData,
    Promotion,
    RolloutSpec,
    SmokeCheck,
    State,
)
from modelwright.errors import InvalidSpec


def parse_rollout(body: Mapping[str, Any]) -> ModelRollout:
    """The ModelRollout in `body`. Raises InvalidSpec for what a person has to change."""
    metadata = shared.metadata(body)
    return ModelRollout(
        namespace=metadata.text("namespace"),
        name=metadata.text("name"),
        uid=metadata.text("uid"),
        generation=metadata.integer("generation"),
        resource_version=metadata.text("resourceVersion"),
        spec=_spec(shared.spec(body)),
        status=parse_rollout_status(body),
        annotations=dict(metadata.section_or_empty("annotations").as_written()),
        finalizers=metadata.texts("finalizers"),
        deleted_at=metadata.maybe_time("deletionTimestamp"),
    )


def _spec(fields: Fields) -> RolloutSpec:
    fields.exactly_one("model", "modelFrom")
    model, baseline = fields.maybe_section("model"), fields.maybe_section("baseline")
    model_from = fields.maybe_section("modelFrom")
    webhooks = fields.section_or_empty("webhooks")
    pods, traffic = workload(fields.section("workload")), fields.section_or_empty("traffic")
    strategy = fields.maybe_section("strategy")
    way = strategy_of(strategy) if strategy else Strategy(DEFAULT_STEPS)
    spec = RolloutSpec(
        workload=pods,
        route=route_beside(pods, traffic),
        state=fields.choice("state", State, RolloutSpec.state),
        model=shared.model(model) if model else None,
        model_from=_model_from(model_from) if model_from else None,
        baseline=shared.model(baseline) if baseline else None,
        depends_on=tuple(each.text("name") for each in fields.sections("dependsOn")),
        replicas=fields.integer("replicas", RolloutSpec.replicas),
        confirm=traffic.choice("confirm", Confirm, RolloutSpec.confirm),
        steps=way.steps,
        sticky_by=way.sticky_by,
        blue_green=way.blue_green,
        shadow=way.shadow,
        ab_test=way.ab_test,
        analysis=_analysis(fields.section_or_empty("analysis")),
        promotion=_promotion(fields.section_or_empty("promotion")),
        before_step=tuple(each.text("name") for each in webhooks.sections("beforeStep")),
        after_step=tuple(each.text("name") for each in webhooks.sections("afterStep")),
        after_rollout=tuple(each.text("name") for each in webhooks.sections("afterRollout")),
        revision_history_limit=fields.integer("revisionHistoryLimit", RolloutSpec.revision_history_limit),
    )
    check_horizons(spec)
    check_goals(spec, complete=not spec.analysis.profile)
    check_holdback(spec)
    return spec


def check_horizons(spec: RolloutSpec) -> None:
    """Raises InvalidSpec for labels that come too late for what waits for them. Again after a profile was merged in."""
    shortest = min(_holds_to_compare_in(spec), default=None)
    deadline = spec.analysis.progress_deadline
    for metric in spec.analysis.metrics:
        late, path = format_duration(metric.horizon), f"spec.analysis.metrics['{metric.name}'].labels.horizon"
        if deadline is not None and metric.horizon >= deadline and metric.during != (During.HOLDBACK,):
            raise InvalidSpec(path, f"must be shorter than `analysis.progressDeadline`, found {late}")
        if metric.required_for is RequiredFor.EVERY_STEP and shortest is not None and metric.horizon > shortest:
            raise InvalidSpec(
                path,
                f"must not be longer than the shortest `hold`, found {late} and {format_duration(shortest)}: "
                "hold every step as long, or use `requiredFor: Promotion`",
            )


def _holds_to_compare_in(spec: RolloutSpec) -> list[timedelta]:
    """Of the steps in which something is compared with stable: testers are others, and at 100 % stable is idle."""
    comparing = [step for step in spec.steps if not step.match and not step.pause and step.weight != 100]
    return [step.hold for step in comparing] + ([spec.shadow.hold] if spec.shadow else [])


def _model_from(fields: Fields) -> ModelFrom:
    fields.exactly_one("retrainPolicyRef", "modelRolloutRef", "mlflow")
    policy, rollout = fields.maybe_section("retrainPolicyRef"), fields.maybe_section("modelRolloutRef")
    mlflow = fields.maybe_section("mlflow")
    return ModelFrom(
        retrain_policy=policy.text("name") if policy else "",
        when_newer=fields.choice("whenNewer", WhenNewer, ModelFrom.when_newer),
        model_rollout=_promoted_in(rollout) if rollout else None,
        mlflow=_alias(mlflow) if mlflow else None,
    )


def _promoted_in(fields: Fields) -> PromotedIn:
    return PromotedIn(fields.text("name"), fields.duration("afterPromotedFor", PromotedIn.after_promoted_for))


def _alias(fields: Fields) -> MlflowAlias:
    return MlflowAlias(fields.text("model"), fields.text("alias"), fields.text("registry", MlflowAlias.registry))


def _analysis(fields: Fields) -> Analysis:
    profile = fields.text("profile", Analysis.profile)
    found = tuple(metrics.guardrail(metric) for metric in fields.sections("metrics"))
    return Analysis(
        source=fields.text("source", Analysis.source),
        profile=profile,
        interval=fields.duration("interval", Analysis.interval),
        initial_delay=fields.duration("initialDelay", Analysis.initial_delay),
        progress_deadline=fields.maybe_duration("progressDeadline"),
        on_deadline=fields.choice("onDeadline", OnDeadline, Analysis.on_deadline),
        on_no_data=fields.choice("onNoData", OnNoData, Analysis.on_no_data),
        no_data_grace=fields.duration("noDataGrace", Analysis.no_data_grace),
        error_rate=fields.decimal("errorRate", Analysis.error_rate),
        # A profile without metrics of the rollout's own is complete: the defaults would come on top of it.
        metrics=found or (() if profile else DEFAULT_METRICS),
    )


def _promotion(fields: Fields) -> Promotion:
    window, holdback = fields.maybe_section("rollbackWindow"), fields.maybe_section("holdback")
    return Promotion(
        bake_time=fields.duration("bakeTime", Promotion.bake_time),
        scale_down_delay=fields.duration("scaleDownDelay", Promotion.scale_down_delay),
        smoke_check=fields.choice("smokeCheck", SmokeCheck) if fields.has("smokeCheck") else None,
        rollback_window=window.integer("revisions") if window else Promotion.rollback_window,
        holdback=Holdback(holdback.integer("weight"), holdback.duration("for")) if holdback else None,
    )
