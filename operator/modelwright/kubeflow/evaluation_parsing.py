"""Reads `evaluation.json`, schema v1, by hand: the file comes from a tenant's pipeline.

The published form is pipelines/modelwright_pipelines/evaluation.schema.json. What v1 gained later is optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.errors import InvalidSpec
from modelwright.kubeflow.evaluation import (
    Comparison,
    DatasetResult,
    EvaluatedChampion,
    EvaluatedModel,
    EvaluatedRows,
    Evaluation,
    FoundFinding,
    MetricInterval,
    MetricResult,
    Recipe,
    Rows,
    SliceResult,
)
from modelwright.kubeflow.json_fields import (
    count,
    digest,
    duration,
    listed,
    mapping,
    named,
    number,
    one_of,
    optional_text,
    sequence,
    shown,
    text,
    time,
    yes,
)

SCHEMA_VERSION = "v1"
SAMPLINGS = ("Random", "Exploration", "Active", "Reviewed")
SEVERITIES = ("Info", "Warning", "Error")


def parse_evaluation(document: Any) -> Evaluation:
    """The evaluation in a decoded JSON document. InvalidSpec names the path of the first field that is wrong."""
    root = mapping("", document)
    if root.get("schemaVersion") != SCHEMA_VERSION:
        raise InvalidSpec("schemaVersion", f"must be {SCHEMA_VERSION!r}, found {shown(root.get('schemaVersion'))}")
    model = mapping("model", root.get("model"))
    evaluate = mapping("evaluate", root.get("evaluate"))
    overlap = mapping("overlap", root.get("overlap"))
    for name in ("signature", "runtime"):
        mapping(f"model.{name}", model.get(name))
    sequence("goldenRows", root.get("goldenRows"))
    return Evaluation(
        run_uid=text(root, "runUid"),
        model=EvaluatedModel(text(model, "uri", "model"), digest(model, "model")),
        champion=_champion(root.get("champion")),
        train=_rows(mapping("train", root.get("train")), "train"),
        evaluate=EvaluatedRows(
            rows=_rows(evaluate, "evaluate"),
            n=count(evaluate, "n", "evaluate"),
            sampling=one_of(evaluate, "sampling", SAMPLINGS, "evaluate"),
            label_horizon=duration(evaluate, "labelHorizon", "evaluate"),
        ),
        overlap_rows=count(overlap, "rows", "overlap"),
        overlap_entities=count(overlap, "entities", "overlap"),
        metrics=named("metrics", root.get("metrics"), _metric),
        comparisons=named("comparisons", root.get("comparisons"), _comparison),
        slices=listed("slices", root.get("slices"), _slice),
        findings=listed("findings", root.get("findings"), _finding),
        datasets=listed("datasets", root.get("datasets", []), _dataset),
        recipe=_recipe(root["recipe"]) if root.get("recipe") is not None else None,
    )


def _champion(value: Any) -> EvaluatedChampion | None:
    if value is None:
        return None
    champion = mapping("champion", value)
    # Whether it is the digest of the champion that serves is the gate's question, also when it was never known.
    return EvaluatedChampion(optional_text(champion, "digest", "champion"), yes(champion, "rescored", "champion"))


def _rows(value: Mapping[str, Any], path: str) -> Rows:
    start, end = time(value, "from", path), time(value, "to", path)
    if end < start:
        raise InvalidSpec(f"{path}.to", f"must not be before {path}.from")
    return Rows(start, end, text(value, "rowsDigest", path))


def _metric(path: str, value: Any) -> MetricResult:
    entry = mapping(path, value)
    return MetricResult(
        value=number(entry, "value", path),
        n=count(entry, "n", path),
        higher_is_better=yes(entry, "higherIsBetter", path),
        unit=optional_text(entry, "unit", path),
        interval=_interval(entry, path) if "low" in entry or "high" in entry else None,
    )


def _interval(entry: Mapping[str, Any], path: str) -> MetricInterval:
    low, high = number(entry, "low", path), number(entry, "high", path)
    if not low <= number(entry, "value", path) <= high:
        raise InvalidSpec(path, "must have low ≤ value ≤ high")
    return MetricInterval(low, high, _level(entry, path))


def _comparison(path: str, value: Any) -> Comparison:
    entry = mapping(path, value)
    result = Comparison(
        difference=number(entry, "difference", path),
        low=number(entry, "low", path),
        high=number(entry, "high", path),
        level=_level(entry, path),
        method=text(entry, "method", path),
        unit=optional_text(entry, "unit", path),
    )
    if not result.low <= result.difference <= result.high:
        raise InvalidSpec(path, "must have low ≤ difference ≤ high")
    return result


def _level(entry: Mapping[str, Any], path: str) -> float:
    level = number(entry, "level", path)
    if not 0 < level < 1:
        raise InvalidSpec(f"{path}.level", f"must lie between 0 and 1, found {level:g}")
    return level


def _slice(path: str, value: Any) -> SliceResult:
    entry = mapping(path, value)
    return SliceResult(
        feature=text(entry, "feature", path),
        value=text(entry, "value", path),
        n=count(entry, "n", path),
        declared="declared" in entry and yes(entry, "declared", path),
        metrics=named(f"{path}.metrics", entry.get("metrics"), _metric),
    )


def _finding(path: str, value: Any) -> FoundFinding:
    entry = mapping(path, value)
    severity = one_of(entry, "severity", SEVERITIES, path)
    return FoundFinding(text(entry, "check", path), severity, optional_text(entry, "message", path))


def _dataset(path: str, value: Any) -> DatasetResult:
    entry = mapping(path, value)
    return DatasetResult(
        uri=text(entry, "uri", path),
        rows_digest=text(entry, "rowsDigest", path),
        n=count(entry, "n", path),
        overlap_rows=count(mapping(f"{path}.overlap", entry.get("overlap")), "rows", f"{path}.overlap"),
        metrics=named(f"{path}.metrics", entry.get("metrics"), _metric),
        comparisons=named(f"{path}.comparisons", entry.get("comparisons"), _comparison),
    )


def _recipe(value: Any) -> Recipe:
    entry = mapping("recipe", value)
    parameters = mapping("recipe.parameters", entry.get("parameters", {}))
    return Recipe(
        code=text(entry, "code", "recipe"),
        parameters=tuple((name, optional_text(parameters, name, "recipe.parameters")) for name in sorted(parameters)),
        seed=optional_text(entry, "seed", "recipe"),
    )
