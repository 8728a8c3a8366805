"""From the texts that policies hold to the types that a pipeline declares.

Kubeflow refuses a parameter of the wrong type only after the run was created, as a failed run. We refuse it before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from modelwright.errors import InvalidSpec
from modelwright.kubeflow.questions import DeclaredParameter, Parameters


def typed_parameters(
    declared: Iterable[DeclaredParameter], required: Parameters, offered: Parameters
) -> dict[str, Any]:
    """The values to pass, in the declared types. InvalidSpec says what was found and what the pipeline declares.

    Every `required` parameter must be declared; an `offered` one that is not declared is left out; every declared one
    without a default must be given.
    """
    known = {parameter.name: parameter for parameter in declared}
    names = ", ".join(f"{parameter.name} {parameter.type}" for parameter in known.values()) or "no parameters"
    if unknown := [name for name, _ in required if name not in known]:
        raise InvalidSpec(f"parameters.{unknown[0]}", f"is not declared by the pipeline, which declares {names}")
    given = {**{name: text for name, text in offered if name in known}, **dict(required)}
    if missing := [name for name, parameter in known.items() if not parameter.optional and name not in given]:
        raise InvalidSpec(f"parameters.{missing[0]}", f"has no value, and the pipeline needs it; it declares {names}")
    return {name: _typed(known[name], text) for name, text in given.items()}


def declared_parameters(pipeline_spec: Any) -> tuple[DeclaredParameter, ...]:
    """The parameters in a compiled pipeline, as the server stores it. ValueError when it is not of that form."""
    spec = pipeline_spec
    if isinstance(spec, Mapping) and "pipeline_spec" in spec:
        # Pipelines with platform features (volumes, secrets) are stored as {pipeline_spec, platform_spec}.
        spec = spec["pipeline_spec"]
    if not isinstance(spec, Mapping) or not isinstance(spec.get("root"), Mapping):
        raise ValueError("the pipeline has no root")
    inputs = (spec["root"].get("inputDefinitions") or {}).get("parameters") or {}
    return tuple(
        DeclaredParameter(
            name=name,
            type=str(entry.get("parameterType", "STRING")),
            optional=bool(entry.get("isOptional")) or "defaultValue" in entry,
        )
        for name, entry in inputs.items()
    )


def _typed(parameter: DeclaredParameter, text: str) -> Any:
    convert = _CONVERSIONS.get(parameter.type)
    if convert is None:
        raise InvalidSpec(f"parameters.{parameter.name}", f"has type {parameter.type}, which cannot be passed as text")
    try:
        return convert(text)
    except ValueError:
        message = f"must be a {parameter.type}, as the pipeline declares it; found {text[:80]!r}"
        raise InvalidSpec(f"parameters.{parameter.name}", message) from None


def _boolean(text: str) -> bool:
    # TRAP: bool("false") is True.
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _json(kind: type) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)
        return value

    return convert


def _number(text: str) -> float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "STRING": str,
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": _number,
    "BOOLEAN": _boolean,
    "LIST": _json(list),
    "STRUCT": _json(dict),
}
