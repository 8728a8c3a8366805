"""Reading fields of an unstructured object: each getter checks the type and names the path where it does not fit.

The API server has checked the schema before. These checks are for objects that an older schema let in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from modelwright.api.durations import parse_duration
from modelwright.api.times import parse_time
from modelwright.errors import InvalidSpec

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class Fields:
    """The fields of one object, and the path that leads to it. A field that is null counts as absent.

    A getter without a default raises InvalidSpec when the field is absent; those named `maybe_…` return None.
    """

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        self._values = values
        self.path = path

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        return self._get(name, default, _text)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._check(f"{self.at(name)}[{i}]", item, _text) for i, item in enumerate(self._list(name)))

    def maybe_text(self, name: str) -> str | None:
        return self._maybe(name, _text)

    def integer(self, name: str, default: int | None = None) -> int:
        return self._get(name, default, _integer)

    def maybe_integer(self, name: str) -> int | None:
        return self._maybe(name, _integer)

    def decimal(self, name: str, default: Decimal | None = None) -> Decimal:
        return self._get(name, default, _decimal)

    def maybe_decimal(self, name: str) -> Decimal | None:
        return self._maybe(name, _decimal)

    def duration(self, name: str, default: timedelta | None = None) -> timedelta:
        return self._get(name, default, _duration)

    def maybe_duration(self, name: str) -> timedelta | None:
        return self._maybe(name, _duration)

    def time(self, name: str) -> datetime:
        return self._get(name, None, _time)

    def maybe_time(self, name: str) -> datetime | None:
        return self._maybe(name, _time)

    def choice(self, name: str, kind: type[E], default: E | None = None) -> E:
        return self._get(name, default, lambda value: _choice(kind, value))

    def choices(self, name: str, kind: type[E]) -> tuple[E, ...]:
        def read(value: Any) -> E:
            return _choice(kind, value)

        return tuple(self._check(f"{self.at(name)}[{i}]", item, read) for i, item in enumerate(self._list(name)))

    def section(self, name: str) -> Fields:
        return Fields(self._get(name, None, _mapping), self.at(name))

    def maybe_section(self, name: str) -> Fields | None:
        return self.section(name) if self.has(name) else None

    def section_or_empty(self, name: str) -> Fields:
        """For sections in which everything has a default."""
        return Fields(self._maybe(name, _mapping) or {}, self.at(name))

    def sections(self, name: str) -> tuple[Fields, ...]:
        """The objects of a list; none where it is absent."""
        items = enumerate(self._list(name))
        return tuple(
            Fields(self._check(f"{self.at(name)}[{i}]", item, _mapping), f"{self.at(name)}[{i}]") for i, item in items
        )

    def some_sections(self, name: str) -> tuple[Fields, ...]:
        """The objects of a list that must have at least one."""
        found = self.sections(name)
        if not found:
            raise self.refuse(name, "must be set, and not empty")
        return found

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object as it was written, for what is passed on unread."""
        return self._get(name, None, _mapping)

    def as_written(self) -> Mapping[str, Any]:
        return self._values

    def exactly_one(self, *names: str) -> str:
        """The one of `names` that is set. Raises InvalidSpec where it is none or several."""
        found = [name for name in names if self.has(name)]
        if len(found) != 1:
            raise InvalidSpec(
                self.path,
                f"must have exactly one of {_listed(names)}, found {_listed(found) if found else 'none of them'}",
            )
        return found[0]

    def refuse(self, name: str, message: str) -> InvalidSpec:
        """The error for what a single field cannot know, to be raised by the caller."""
        return InvalidSpec(self.at(name), message)

    def _get(self, name: str, default: T | None, read: Callable[[Any], T]) -> T:
        value = self._maybe(name, read)
        if value is not None:
            return value
        if default is None:
            raise InvalidSpec(self.at(name), "must be set")
        return default

    def _maybe(self, name: str, read: Callable[[Any], T]) -> T | None:
        value = self._values.get(name)
        return None if value is None else self._check(self.at(name), value, read)

    def _list(self, name: str) -> Sequence[Any]:
        return self._maybe(name, _sequence) or ()

    @staticmethod
    def _check(path: str, value: Any, read: Callable[[Any], T]) -> T:
        try:
            return read(value)
        except ValueError as error:
            raise InvalidSpec(path, str(error)) from error


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, found {value!r}")
    return value


def _integer(value: Any) -> int:
    # TRAP: a bool is an int in Python, but not in Kubernetes.
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"must be an integer, found {value!r}")
    return value


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(_text(value))
    except InvalidOperation:
        number = None
    # Decimal also reads "NaN" and "Infinity", which no bound can mean.
    if number is None or not number.is_finite():
        raise ValueError(f"must be a decimal number such as '0.005', found {value!r}")
    return number


def _duration(value: Any) -> timedelta:
    return parse_duration(_text(value))


def _time(value: Any) -> datetime:
    return parse_time(_text(value))


def _choice(kind: type[E], value: Any) -> E:
    try:
        return kind(_text(value))
    except ValueError:
        allowed = " or ".join(f"'{member}'" for member in kind)
        raise ValueError(f"must be {allowed}, found {value!r}") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be an object, found {value!r}")
    return value


def _sequence(value: Any) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"must be a list, found {value!r}")
    return value
