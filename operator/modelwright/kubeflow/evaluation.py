"""`evaluation.json`, schema v1, as frozen types: what a pipeline says about the model that it trained.

Parsed by hand, because the file comes from a tenant's pipeline: every field is bounded, and a wrong one is named by
its path. Numbers must be finite, since a NaN would pass or fail a comparison by accident.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from modelwright.api.durations import parse_duration
from modelwright.errors import InvalidSpec

SCHEMA_VERSION = "v1"
MAX_TEXT = 1024
MAX_NAME = 63
MAX_ENTRIES = 1000
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SAMPLINGS = ("Random", "Exploration", "Active", "Reviewed")

T = TypeVar("T")


@dataclass(frozen=True)
class EvaluatedModel:
    uri: str
    digest: str


@dataclass(frozen=True)
class EvaluatedChampion:
    """`rescored`: the champion was scored again on the same rows, not quoted from its own old evaluation."""

    digest: str
    rescored: bool


@dataclass(frozen=True)
class Rows:
    """Rows from `start` to `end` by their own time."""

    start: datetime
    end: datetime
    digest: str


@dataclass(frozen=True)
class EvaluatedRows:
    rows: Rows
    n: int
    sampling: str
    label_horizon: timedelta


@dataclass(frozen=True)
class MetricResult:
    value: float
    n: int
    higher_is_better: bool
    unit: str = ""


@dataclass(frozen=True)
class Comparison:
    """Candidate minus champion on the same rows, with its confidence interval at `level`."""

    difference: float
    low: float
    high: float
    level: float
    method: str
    unit: str = ""


@dataclass(frozen=True)
class Evaluation:
    """Signature, slices, findings and golden rows have to be there, but decide nothing: they are not read."""

    run_uid: str
    model: EvaluatedModel
    champion: EvaluatedChampion | None
    train: Rows
    evaluate: EvaluatedRows
    overlap_rows: int
    overlap_entities: int
    metrics: Mapping[str, MetricResult] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)


def parse_evaluation(document: Any) -> Evaluation:
    """The evaluation in a decoded JSON document. InvalidSpec names the path of the first field that is wrong."""
    root = _mapping("", document)
    if root.get("schemaVersion") != SCHEMA_VERSION:
        raise InvalidSpec("schemaVersion", f"must be {SCHEMA_VERSION!r}, found {_shown(root.get('schemaVersion'))}")
    model = _mapping("model", root.get("model"))
    evaluate = _mapping("evaluate", root.get("evaluate"))
    overlap = _mapping("overlap", root.get("overlap"))
    for name in ("signature", "runtime"):
        _mapping(f"model.{name}", model.get(name))
    for name in ("slices", "findings", "goldenRows"):
        if not isinstance(root.get(name), list):
            raise InvalidSpec(name, f"must be a list, found {_shown(root.get(name))}")
    return Evaluation(
        run_uid=_text(root, "runUid"),
        model=EvaluatedModel(_text(model, "uri", "model"), _digest(model, "model")),
        champion=_champion(root.get("champion")),
        train=_rows(_mapping("train", root.get("train")), "train"),
        evaluate=EvaluatedRows(
            rows=_rows(evaluate, "evaluate"),
            n=_count(evaluate, "n", "evaluate"),
            sampling=_one_of(evaluate, "sampling", SAMPLINGS, "evaluate"),
            label_horizon=_duration(evaluate, "labelHorizon", "evaluate"),
        ),
        overlap_rows=_count(overlap, "rows", "overlap"),
        overlap_entities=_count(overlap, "entities", "overlap"),
        metrics=_named("metrics", root.get("metrics"), _metric),
        comparisons=_named("comparisons", root.get("comparisons"), _comparison),
    )


def _champion(value: Any) -> EvaluatedChampion | None:
    if value is None:
        return None
    champion = _mapping("champion", value)
    # Whether it is the digest of the champion that serves is the gate's question, also when it was never known.
    return EvaluatedChampion(_optional_text(champion, "digest", "champion"), _yes(champion, "rescored", "champion"))


def _rows(value: Mapping[str, Any], path: str) -> Rows:
    start, end = _time(value, "from", path), _time(value, "to", path)
    if end < start:
        raise InvalidSpec(f"{path}.to", f"must not be before {path}.from")
    return Rows(start, end, _text(value, "rowsDigest", path))


def _metric(path: str, value: Any) -> MetricResult:
    entry = _mapping(path, value)
    return MetricResult(
        value=_number(entry, "value", path),
        n=_count(entry, "n", path),
        higher_is_better=_yes(entry, "higherIsBetter", path),
        unit=_optional_text(entry, "unit", path),
    )


def _comparison(path: str, value: Any) -> Comparison:
    entry = _mapping(path, value)
    result = Comparison(
        difference=_number(entry, "difference", path),
        low=_number(entry, "low", path),
        high=_number(entry, "high", path),
        level=_number(entry, "level", path),
        method=_text(entry, "method", path),
        unit=_optional_text(entry, "unit", path),
    )
    if not result.low <= result.difference <= result.high:
        raise InvalidSpec(path, "must have low ≤ difference ≤ high")
    if not 0 < result.level < 1:
        raise InvalidSpec(f"{path}.level", f"must lie between 0 and 1, found {result.level:g}")
    return result


def _named(path: str, value: Any, parse: Callable[[str, Any], T]) -> dict[str, T]:
    entries = _mapping(path, value)
    if len(entries) > MAX_ENTRIES:
        raise InvalidSpec(path, f"must have at most {MAX_ENTRIES} entries, found {len(entries)}")
    if long := [name for name in entries if not 0 < len(name) <= MAX_NAME]:
        raise InvalidSpec(path, f"must have names of 1 to {MAX_NAME} characters, found one of {len(long[0])}")
    return {name: parse(f"{path}.{name}", entry) for name, entry in entries.items()}


def _mapping(path: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidSpec(path, f"must be an object, found {_shown(value)}")
    return value


def _text(entry: Mapping[str, Any], key: str, path: str = "") -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise InvalidSpec(_join(path, key), f"must be a text of 1 to {MAX_TEXT} characters, found {_shown(value)}")
    return value


def _optional_text(entry: Mapping[str, Any], key: str, path: str) -> str:
    return _text(entry, key, path) if entry.get(key) else ""


def _digest(entry: Mapping[str, Any], path: str) -> str:
    value = _text(entry, "digest", path)
    if not DIGEST.fullmatch(value):
        raise InvalidSpec(f"{path}.digest", "must be sha256: and 64 hex digits")
    return value


def _yes(entry: Mapping[str, Any], key: str, path: str) -> bool:
    return _one_of(entry, key, ("Yes", "No"), path) == "Yes"


def _one_of(entry: Mapping[str, Any], key: str, known: tuple[str, ...], path: str) -> str:
    value = entry.get(key)
    if value not in known:
        raise InvalidSpec(_join(path, key), f"must be one of {', '.join(known)}, found {_shown(value)}")
    return str(value)


def _number(entry: Mapping[str, Any], key: str, path: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidSpec(_join(path, key), f"must be a finite number, found {_shown(value)}")
    return float(value)


def _count(entry: Mapping[str, Any], key: str, path: str) -> int:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidSpec(_join(path, key), f"must be a whole number from 0, found {_shown(value)}")
    return value


def _time(entry: Mapping[str, Any], key: str, path: str) -> datetime:
    value = entry.get(key)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidSpec(_join(path, key), f"must be an RFC 3339 time with its zone, found {_shown(value)}")
    return moment


def _duration(entry: Mapping[str, Any], key: str, path: str) -> timedelta:
    value = entry.get(key)
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidSpec(_join(path, key), f"must be a duration such as 90s or 6h, found {_shown(value)}") from None


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _shown(value: Any) -> str:
    """What was found, short and harmless: only its kind, unless it is a small number or word."""
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float) or (isinstance(value, str) and value.isalnum() and len(value) <= 40):
        return repr(value)
    if isinstance(value, str):
        return "another text"
    return "a list" if isinstance(value, list) else "an object"
