"""Reading the gate of a RetrainPolicy."""

from __future__ import annotations

from modelwright.api.approval import Approval, ApprovedBy, Required
from modelwright.api.fields import Fields
from modelwright.api.gate import (
    AgainstChampion,
    Check,
    DeclaredSlices,
    FindingsCheck,
    Gate,
    Severity,
    WhenNoChampion,
)
from modelwright.api.metrics import Bounds
from modelwright.api.parsing import metrics


def gate(fields: Fields | None) -> Gate:
    """The gate in `fields`; without any, the built-in lines alone."""
    if fields is None:
        return Gate()
    return Gate(
        checks=tuple(_check(check) for check in fields.some_sections("checks")),
        attempts_per_data=fields.integer("attemptsPerData", Gate.attempts_per_data),
        when_no_champion=fields.choice("whenNoChampion", WhenNoChampion, Gate.when_no_champion),
        approval=_approval(fields.maybe_section("approval")),
    )


def _approval(fields: Fields | None) -> Approval:
    if fields is None:
        return Approval()
    return Approval(
        required=fields.choice("required", Required, Required.ALWAYS),
        expires_after=fields.duration("expiresAfter", Approval.expires_after),
        by=fields.choice("by", ApprovedBy, Approval.by),
    )


def _check(fields: Fields) -> Check:
    champion, slices = fields.maybe_section("champion"), fields.maybe_section("declaredSlices")
    findings, bounds = fields.maybe_section("findings"), _maybe_bounds(fields)
    if sum(kind is not None for kind in (champion, slices, findings, bounds)) != 1:
        raise fields.refuse("champion", "must be set, or else `declaredSlices`, `findings` or bounds; exactly one kind")
    if not findings and not fields.has("metric"):
        raise fields.refuse("metric", "must name a metric of the evaluation, except with `findings`")
    return Check(
        name=fields.text("name"),
        metric=fields.text("metric", Check.metric),
        bounds=bounds,
        champion=_against_champion(champion) if champion else None,
        slices=_slices(slices) if slices else None,
        findings=_findings(findings) if findings else None,
        dataset=fields.text("dataset", Check.dataset),
        rows_digest=fields.text("rowsDigest", Check.rows_digest),
        confidence=fields.decimal("confidence", Check.confidence),
    )


def _maybe_bounds(fields: Fields) -> Bounds | None:
    return metrics.bounds(fields) if fields.has("min") or fields.has("max") else None


def _against_champion(fields: Fields) -> AgainstChampion:
    fields.exactly_one("maxDecrease", "minIncrease")
    return AgainstChampion(fields.maybe_decimal("maxDecrease"), fields.maybe_decimal("minIncrease"))


def _slices(fields: Fields) -> DeclaredSlices:
    return DeclaredSlices(
        bounds=metrics.bounds(fields),
        min_samples=fields.integer("minSamples", DeclaredSlices.min_samples),
        names=fields.texts("names"),
    )


def _findings(fields: Fields) -> FindingsCheck:
    return FindingsCheck(
        worst_severity=fields.choice("worstSeverity", Severity, FindingsCheck.worst_severity),
        required=fields.texts("required"),
    )
