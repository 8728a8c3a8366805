"""Reads the counter selectors of a proportion: one selector, or the sum or difference of two. Pure.

Counters are read raw, per series, so anything that Prometheus would have to calculate (`rate`, `sum`, ranges, offsets)
is refused here with what is supported, rather than later by a number that is subtly wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelwright.errors import InvalidSpec

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*
      (?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    )\s*""",
    re.VERBOSE,
)
_SUPPORTED = (
    "a counter selector such as requests_total{$(selector)}, or the sum or difference of two such as "
    'duration_seconds_count{$(selector)} - duration_seconds_bucket{$(selector),le="0.5"}'
)


@dataclass(frozen=True)
class Selector:
    """One counter: its metric name, and the whole selector as it was written."""

    name: str
    text: str


@dataclass(frozen=True)
class Counter:
    """What is counted: `plus`, less `minus` if there is one, or with `added` if there is one."""

    plus: Selector
    minus: Selector | None = None
    added: Selector | None = None

    @property
    def counted(self) -> tuple[Selector, ...]:
        """The selectors whose growth counts as it is."""
        return (self.plus,) if self.added is None else (self.plus, self.added)

    @property
    def selectors(self) -> tuple[Selector, ...]:
        return self.counted if self.minus is None else (self.plus, self.minus)


def parse_counter(expression: str, *, path: str = "") -> Counter:
    """The counter that `expression` names. Raises InvalidSpec at `path` for everything but one or two selectors."""
    plus, rest = _selector(expression, 0, path)
    rest = _skip_space(expression, rest)
    if rest == len(expression):
        return Counter(plus)
    operator = expression[rest]
    if operator not in "+-":
        raise _refused(expression, path)
    other, end = _selector(expression, rest + 1, path)
    if _skip_space(expression, end) != len(expression):
        raise _refused(expression, path)
    return Counter(plus, minus=other) if operator == "-" else Counter(plus, added=other)


def _selector(expression: str, start: int, path: str) -> tuple[Selector, int]:
    start = _skip_space(expression, start)
    name = _NAME.match(expression, start)
    if name is None:
        raise _refused(expression, path)
    end = name.end()
    brace = _skip_space(expression, end)
    if brace < len(expression) and expression[brace] == "{":
        end = _matchers(expression, brace + 1, path)
    return Selector(name.group(), expression[start:end]), end


def _matchers(expression: str, position: int, path: str) -> int:
    """The position behind the closing brace."""
    while True:
        position = _skip_space(expression, position)
        if expression[position : position + 1] == "}":
            return position + 1
        matcher = _TOKEN.match(expression, position)
        if matcher is None:
            raise _refused(expression, path)
        position = matcher.end()
        if expression[position : position + 1] == ",":
            position += 1
        elif expression[position : position + 1] != "}":
            raise _refused(expression, path)


def _skip_space(expression: str, position: int) -> int:
    while position < len(expression) and expression[position].isspace():
        position += 1
    return position


def _refused(expression: str, path: str) -> InvalidSpec:
    return InvalidSpec(path, f"must be {_SUPPORTED}; found {expression!r}")
