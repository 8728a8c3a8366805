"""Bounded fields of a JSON document that a tenant's pipeline wrote: a wrong one is named by its path.

Messages repeat nothing of what was found, unless it is a small number or word. Numbers must be finite, since a NaN
would pass or fail a comparison by accident.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from modelwright.api.durations import parse_duration
from modelwright.errors import InvalidSpec

MAX_TEXT = 1024
MAX_NAME = 63
MAX_ENTRIES = 1000
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

T = TypeVar("T")


def named(path: str, value: Any, parse: Callable[[str, Any], T]) -> dict[str, T]:
    entries = mapping(path, value)
    if len(entries) > MAX_ENTRIES:
        raise InvalidSpec(path, f"must have at most {MAX_ENTRIES} entries, found {len(entries)}")
    if long := [name for name in entries if not 0 < len(name) <= MAX_NAME]:
        raise InvalidSpec(path, f"must have names of 1 to {MAX_NAME} characters, found one of {len(long[0])}")
    return {name: parse(f"{path}.{name}", entry) for name, entry in entries.items()}


def listed(path: str, value: Any, parse: Callable[[str, Any], T]) -> tuple[T, ...]:
    """The entries of a list of at most MAX_ENTRIES."""
    entries = sequence(path, value)
    if len(entries) > MAX_ENTRIES:
        raise InvalidSpec(path, f"must have at most {MAX_ENTRIES} entries, found {len(entries)}")
    return tuple(parse(f"{path}[{index}]", entry) for index, entry in enumerate(entries))


def sequence(path: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise InvalidSpec(path, f"must be a list, found {shown(value)}")
    return value


def mapping(path: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidSpec(path, f"must be an object, found {shown(value)}")
    return value


def text(entry: Mapping[str, Any], key: str, path: str = "") -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise InvalidSpec(join(path, key), f"must be a text of 1 to {MAX_TEXT} characters, found {shown(value)}")
    return value


def optional_text(entry: Mapping[str, Any], key: str, path: str) -> str:
    return text(entry, key, path) if entry.get(key) else ""


def digest(entry: Mapping[str, Any], path: str) -> str:
    value = text(entry, "digest", path)
    if not DIGEST.fullmatch(value):
        raise InvalidSpec(f"{path}.digest", "must be sha256: and 64 hex digits")
    return value


def yes(entry: Mapping[str, Any], key: str, path: str) -> bool:
    return one_of(entry, key, ("Yes", "No"), path) == "Yes"


def one_of(entry: Mapping[str, Any], key: str, known: tuple[str, ...], path: str) -> str:
    value = entry.get(key)
    if value not in known:
        raise InvalidSpec(join(path, key), f"must be one of {', '.join(known)}, found {shown(value)}")
    return str(value)


def number(entry: Mapping[str, Any], key: str, path: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidSpec(join(path, key), f"must be a finite number, found {shown(value)}")
    return float(value)


def count(entry: Mapping[str, Any], key: str, path: str) -> int:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidSpec(join(path, key), f"must be a whole number from 0, found {shown(value)}")
    return value


def time(entry: Mapping[str, Any], key: str, path: str) -> datetime:
    value = entry.get(key)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidSpec(join(path, key), f"must be an RFC 3339 time with its zone, found {shown(value)}")
    return moment


def duration(entry: Mapping[str, Any], key: str, path: str) -> timedelta:
    value = entry.get(key)
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidSpec(join(path, key), f"must be a duration such as 90s or 6h, found {shown(value)}") from None


def join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def shown(value: Any) -> str:
    """What was found, short and harmless: only its kind, unless it is a small number or word."""
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float) or (isinstance(value, str) and value.isalnum() and len(value) <= 40):
        return repr(value)
    if isinstance(value, str):
        return "another text"
    return "a list" if isinstance(value, list) else "an object"
