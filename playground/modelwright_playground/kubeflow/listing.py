"""Lists: `filter`, `sort_by`, `page_size` and `page_token` of the list routes, turned into SQL.

A page token holds where the last page ended and what was asked, so that nothing is skipped or repeated when objects
come and go, and a token cannot be used for another question.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from modelwright_playground.kubeflow.database import Database
from modelwright_playground.kubeflow.errors import invalid

DEFAULT_PAGE, LARGEST_PAGE = 20, 200
_NUMBERED = {
    1: "EQUALS",
    2: "NOT_EQUALS",
    3: "GREATER_THAN",
    5: "GREATER_THAN_EQUALS",
    6: "LESS_THAN",
    7: "LESS_THAN_EQUALS",
    8: "IN",
    9: "IS_SUBSTRING",
}
_SCALAR = {
    "EQUALS": "=",
    "NOT_EQUALS": "<>",
    "GREATER_THAN": ">",
    "GREATER_THAN_EQUALS": ">=",
    "LESS_THAN": "<",
    "LESS_THAN_EQUALS": "<=",
}
_VALUES = ("int_value", "long_value", "string_value", "timestamp_value", "int_values", "long_values", "string_values")


@dataclass(frozen=True)
class Listable:
    """A table that can be listed: `keys` maps the API's names to columns, `id` is the column that breaks ties."""

    table: str
    id: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """Rows of one page, how many there are on all pages, and the token of the next ("" on the last)."""

    rows: list[sqlite3.Row]
    total: int
    next_token: str


@dataclass
class _Where:
    parts: list[str] = field(default_factory=lambda: ["1"])
    values: list[str | int] = field(default_factory=list)

    def add(self, part: str, *values: str | int) -> None:
        self.parts.append(part)
        self.values += values

    def __str__(self) -> str:
        return " AND ".join(self.parts)


def page(database: Database, listable: Listable, query: Mapping[str, str], scope: Mapping[str, str]) -> Page:
    """One page. `query` are the request's parameters, `scope` further equalities (column → value).

    Raises ApiError where a parameter is not understood.
    """
    token = _decode(query.get("page_token", ""))
    asked = {name: query.get(name, "") for name in ("filter", "sort_by")}
    if token is not None:
        if any(asked[name] not in ("", token[name]) for name in asked):
            raise invalid(
                "page token does not match the supplied sort by and/or filtering criteria. Either specify the same "
                "criteria or leave the latter empty if page token is specified."
            )
        asked = {name: str(token[name]) for name in asked}
    column, descending = _sorting(listable, asked["sort_by"])
    where = _Where()
    for name, value in scope.items():
        where.add(f"{name} = ?", value)
    for predicate in _predicates(asked["filter"]):
        _add_predicate(where, listable, predicate)
    total = int(database.query(f"SELECT COUNT(*) FROM {listable.table} WHERE {where}", *where.values)[0][0])
    if token is not None:
        where.add(f"({column}, {listable.id}) {'<' if descending else '>'} (?, ?)", token["value"], token["id"])
    size, order = _size(query.get("page_size", "")), "DESC" if descending else "ASC"
    rows = database.query(
        f"SELECT * FROM {listable.table} WHERE {where} ORDER BY {column} {order}, {listable.id} {order} LIMIT ?",
        *where.values,
        size + 1,
    )
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows, total, _encode({**asked, "value": rows[-1][column], "id": rows[-1][listable.id]}) if more else "")


def _sorting(listable: Listable, sort_by: str) -> tuple[str, bool]:
    words = sort_by.split() or ["created_at"]
    if len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
        raise invalid(
            f'Received invalid sort by format {sort_by!r}. Supported format: "field_name", "field_name desc", '
            'or "field_name asc"'
        )
    if words[0] not in listable.keys:
        raise invalid(f"Invalid sorting field: {words[0]!r}. Supported fields: {', '.join(listable.keys)}")
    return listable.keys[words[0]], words[1:] == ["desc"]


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError:
        size = -1
    if size < 0:
        raise invalid(f"The page size should be greater than 0. Got {text!r}")
    return min(size or DEFAULT_PAGE, LARGEST_PAGE)


def _predicates(text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    try:
        # The real server decodes the parameter once more than HTTP asks for.
        found = json.loads(unquote_plus(text))
        return [{_snake(name): value for name, value in each.items()} for each in found.get("predicates", [])]
    except (ValueError, AttributeError, TypeError) as error:
        raise invalid(f"failed to parse valid filter from {text!r}: {error}") from None


def _add_predicate(where: _Where, listable: Listable, predicate: Mapping[str, Any]) -> None:
    operation = _NUMBERED.get(predicate.get("operation", ""), predicate.get("operation", ""))
    key = predicate.get("key", "")
    if key not in listable.keys:
        raise invalid(f"no support for filtering on unrecognized field {key!r}")
    kind, value = _value(predicate)
    column = listable.keys[key]
    if operation == "IN" and isinstance(value, list):
        # Comparisons of text ignore case, as in Kubeflow's SQL.
        where.add(f"{column} COLLATE NOCASE IN ({', '.join('?' * len(value))})", *value)
    elif operation == "IS_SUBSTRING" and isinstance(value, str):
        where.add(f"INSTR(LOWER({column}), LOWER(?)) > 0", value)
    elif operation in _SCALAR and not isinstance(value, list):
        where.add(f"{column} {_SCALAR[operation]} ? COLLATE NOCASE", value)
    elif operation in (*_SCALAR, "IN", "IS_SUBSTRING"):
        raise invalid(f"cannot use operator {operation} on a value of type {kind}")
    else:
        raise invalid(f"invalid predicate operation: {operation!r}")


def _value(predicate: Mapping[str, Any]) -> tuple[str, str | int | list[str | int]]:
    for kind in _VALUES:
        if kind not in predicate:
            continue
        value = predicate[kind]
        try:
            if kind.endswith("_values"):
                return kind, [str(each) if kind == "string_values" else int(each) for each in value["values"]]
            if kind == "timestamp_value":
                return kind, int(datetime.fromisoformat(value).timestamp())
            return kind, str(value) if kind == "string_value" else int(value)
        except (ValueError, TypeError, KeyError):
            raise invalid(f"found {value!r} in a predicate's {kind}, which is not of that type") from None
    raise invalid(f"found no value in the predicate on {predicate.get('key', '')!r}, need one of {', '.join(_VALUES)}")


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _encode(token: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()


def _decode(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        token = json.loads(base64.urlsafe_b64decode(text))
        return {name: token[name] for name in ("filter", "sort_by", "value", "id")}
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise invalid("Invalid package token.") from None
