"""Statuses as they are stored: each is its frozen type, field by field, under camelCase names.

Only specs are read by hand: they have unions, defaults and names for people. A status has one writer and one reader,
and what was written must read back equal, so both directions follow from the same type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from modelwright.api.durations import format_duration
from modelwright.api.fields import Fields
from modelwright.api.models import Model
from modelwright.api.policy import ApprovedModel, Champion
from modelwright.api.rollout import Arm, Candidate
from modelwright.api.steering import Pin
from modelwright.api.times import format_time

R = TypeVar("R")

# The schema's bound. A status that is too long would be refused as a whole, and with it the stable revision.
TEXT_LENGTH = 4096

# Records that are a model and something more: the model's fields stand beside their own.
INLINED = (Arm, Candidate, Pin, ApprovedModel, Champion)


def write_record(record: Any) -> dict[str, Any]:
    """The object to store. A default is left out, except numbers and durations: a weight of 0 is news."""
    written: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if value == field.default and not isinstance(value, int | timedelta):
            continue
        if is_inlined(type(record), field):
            written |= write_record(value)
        else:
            written[stored_name(field)] = _write(value)
    return written


def read_record(kind: type[R], source: Fields) -> R:
    """The `kind` that `source` holds. Raises InvalidSpec where a field is missing or of another type."""
    values: dict[str, Any] = {}
    record: Any = kind
    for field in fields(record):
        name = stored_name(field)
        if is_inlined(record, field):
            values[field.name] = read_record(Model, source)
        elif source.has(name):
            values[field.name] = _read(field_types(record)[field.name], source, name)
        elif is_required(field):
            raise source.refuse(name, "must be set")
    return kind(**values)


def stored_name(field: Field[Any]) -> str:
    """`last_transition_time` is stored as `lastTransitionTime`."""
    return _in_camel_case(field.name)


@cache
def _in_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def is_inlined(kind: type, field: Field[Any]) -> bool:
    return kind in INLINED and field.name == "model"


def is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


@cache
def field_types(kind: type) -> Mapping[str, Any]:
    """The type of each field, `X | None` as X: absence is told by the field's default."""
    return {name: _without_none(hint) for name, hint in get_type_hints(kind).items()}


def _without_none(hint: Any) -> Any:
    members = [member for member in get_args(hint) if member is not NoneType]
    return members[0] if NoneType in get_args(hint) else hint


def _write(value: Any) -> Any:
    match value:
        case StrEnum():
            return str(value)
        case str():
            return value if len(value) <= TEXT_LENGTH else value[: TEXT_LENGTH - 1] + "…"
        case int():
            return value
        case datetime():
            return format_time(value)
        case timedelta():
            return format_duration(value)
        case tuple():
            return [_write(item) for item in value]
        case _:
            return write_record(value)


def _read(hint: Any, source: Fields, name: str) -> Any:
    if get_origin(hint) is tuple:
        return tuple(read_record(get_args(hint)[0], item) for item in source.sections(name))
    if hint is str:
        return source.text(name)
    if hint is int:
        return source.integer(name)
    if hint is datetime:
        return source.time(name)
    if hint is timedelta:
        return source.duration(name)
    if issubclass(hint, StrEnum):
        return source.choice(name, hint)
    return read_record(hint, source.section(name))
