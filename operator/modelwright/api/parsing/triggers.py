"""Reading the triggers of a policy."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.api.cron import Cron
from modelwright.api.drift import MIN_SAMPLES, DriftPreset, drift_value
from modelwright.api.fields import Fields
from modelwright.api.metrics import Bounds
from modelwright.api.parsing import metrics
from modelwright.api.triggers import (
    Action,
    After,
    AgainstBaseline,
    AlertTrigger,
    AllOf,
    Data,
    EventTrigger,
    Label,
    MetricTrigger,
    MlflowModel,
    Objects,
    Rearm,
    RearmAfter,
    Schedule,
    Trigger,
)

SHAPES = ("metric", "drift", "allOf", "schedule", "data", "after", "event", "alert")


def trigger(fields: Fields) -> Trigger:
    fields.exactly_one(*SHAPES)
    metric, drift, all_of, schedule, data, after, event, alert = (fields.maybe_section(shape) for shape in SHAPES)
    # Drift is often broken data, and no reason to train on it.
    action = fields.choice("action", Action, Action.EVALUATE if drift else Trigger.action)
    lasts = metric or drift or all_of
    if action is not Action.RETRAIN and lasts is None:
        raise fields.refuse("action", "must be 'Retrain', unless the trigger is a `metric`, `drift` or `allOf`")
    if fields.has("within") and action is not Action.REVERT:
        raise fields.refuse("within", "must go with `action: RevertToPrevious`")
    return Trigger(
        name=fields.text("name"),
        metric=_metric(metric) if metric else _drift(drift) if drift else None,
        schedule=_schedule(schedule) if schedule else None,
        data=_data(data) if data else None,
        after=After(after.section("retrainPolicyRef").text("name")) if after else None,
        event=EventTrigger(event.text("type"), event.text("source", EventTrigger.source)) if event else None,
        alert=_alert(alert) if alert else None,
        all_of=_all_of(all_of) if all_of else None,
        rearm=_rearm(fields, lasts, action) if fields.has("rearm") else None,
        action=action,
        within=fields.duration("within", Trigger.within),
    )


def cron(fields: Fields) -> Cron:
    """`cron` and `timeZone` of a schedule or a blackout."""
    expression, zone = fields.text("cron"), fields.text("timeZone", Cron.time_zone)
    try:
        return Cron(expression, zone)
    except ValueError as error:
        raise fields.refuse("timeZone" if "time zone" in str(error) else "cron", str(error)) from None


def _metric(fields: Fields) -> MetricTrigger:
    fields.exactly_one("proportion", "mean", "value")
    proportion, mean, value = (fields.maybe_section(shape) for shape in ("proportion", "mean", "value"))
    history, baseline = fields.maybe_section("history"), fields.maybe_section("baseline")
    if history and value is None:
        raise fields.refuse("history", "must go with `value`")
    if history and baseline:
        raise fields.refuse("baseline", "must not stand beside `history`")
    instead = "history" if history else "baseline" if baseline else ""
    for bound in ("min", "max"):
        if instead and fields.has(bound):
            raise fields.refuse(bound, f"must not stand beside `{instead}`, which says what the bounds are")
    return MetricTrigger(
        bounds=Bounds() if instead else metrics.bounds(fields),
        history=metrics.history(history) if history else None,
        baseline=_baseline(baseline) if baseline else None,
        proportion=metrics.windowed_proportion(proportion) if proportion else None,
        mean=metrics.windowed_mean(mean) if mean else None,
        value=metrics.value(value) if value else None,
        source=fields.text("source", MetricTrigger.source),
        confidence=fields.decimal("confidence", MetricTrigger.confidence),
        min_samples=fields.integer("minSamples", MetricTrigger.min_samples),
        hold=fields.duration("for", MetricTrigger.hold),
    )


def _baseline(fields: Fields) -> AgainstBaseline:
    found = AgainstBaseline(fields.maybe_decimal("maxDecrease"), fields.maybe_decimal("maxIncrease"))
    if found == AgainstBaseline():
        raise fields.refuse("maxDecrease", "must be set, or `maxIncrease`, or both")
    return found


def _all_of(fields: Fields) -> AllOf:
    if not fields.has("triggers"):
        raise fields.refuse("triggers", "must be set")
    return AllOf(fields.texts("triggers"), fields.duration("window"))


def _rearm(fields: Fields, lasts: Fields | None, action: Action) -> Rearm:
    if action not in (Action.RETRAIN, Action.EVALUATE) or lasts is None:
        raise fields.refuse("rearm", "must go with a `metric`, `drift` or `allOf` that starts runs")
    rearm = fields.section("rearm")
    if rearm.has("minSamples") and not (lasts.has("proportion") or lasts.has("mean")):
        raise rearm.refuse("minSamples", "must go with a `proportion` or `mean`: nothing else counts what is new")
    return Rearm(rearm.choice("after", RearmAfter, Rearm.after), rearm.integer("minSamples", Rearm.min_samples))


def check_members(triggers: Sequence[Trigger], fields: Fields) -> None:
    """InvalidSpec where one of several that shall fire together is no metric of the policy."""
    metrics = {trigger.name for trigger in triggers if trigger.metric}
    for trigger, written in zip(triggers, fields.some_sections("triggers"), strict=True):
        if trigger.all_of and (unknown := [name for name in trigger.all_of.triggers if name not in metrics]):
            raise written.section("allOf").refuse("triggers", f"must name metrics of this policy, found {unknown[0]}")


def _drift(fields: Fields) -> MetricTrigger:
    preset, min_samples = fields.choice("preset", DriftPreset), fields.maybe_integer("minSamples")
    asked = drift_value(preset, fields.maybe_decimal("minEffect"), min_samples, path=fields.path)
    return MetricTrigger(
        bounds=Bounds(max=fields.decimal("maxShare")),
        value=asked,
        source=fields.text("source", MetricTrigger.source),
        min_samples=min_samples or MIN_SAMPLES,
        hold=fields.duration("for", MetricTrigger.hold),
        written="drift",
    )


def _alert(fields: Fields) -> AlertTrigger:
    labels = fields.some_sections("labels")
    return AlertTrigger(tuple(Label(label.text("name"), label.text("value")) for label in labels))


def _schedule(fields: Fields) -> Schedule:
    return Schedule(cron(fields), fields.duration("startingDeadline", Schedule.starting_deadline))


def _data(fields: Fields) -> Data:
    kind = fields.exactly_one("query", "configMap", "mlflow", "objects")
    if kind == "mlflow":
        mlflow = fields.section("mlflow")
        alias, registry = mlflow.text("alias", MlflowModel.alias), mlflow.text("registry", MlflowModel.registry)
        return Data(mlflow=MlflowModel(mlflow.text("model"), alias, registry))
    if kind == "objects":
        objects = fields.section("objects")
        return Data(objects=Objects(objects.text("prefix").rstrip("/"), objects.text("marker", Objects.marker)))
    if kind == "query":
        source = fields.text("source", Data.source)
        grown_by = fields.integer("grownBy", Data.grown_by)
        if grown_by < 1:
            raise fields.refuse("grownBy", "must be 1 or more beside `query`")
        return Data(query=fields.text("query"), grown_by=grown_by, source=source)
    config_map = fields.section("configMap")
    return Data(config_map=config_map.text("name"), key=config_map.text("key"))
