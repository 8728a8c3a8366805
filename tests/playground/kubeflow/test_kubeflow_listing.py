"""Filters, sorting and pages, on a database of its own: no run is executed here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelwright_playground.kubeflow.database import Database
from modelwright_playground.kubeflow.errors import ApiError
from modelwright_playground.kubeflow.listing import Page, page
from modelwright_playground.kubeflow.runs import FAILED, LISTABLE, SUCCEEDED, Runs

NAMES = ("alpha", "beta", "Gamma", "gamma-2", "delta")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "runs.sqlite3")
    runs = Runs(database, tmp_path)
    for number, name in enumerate(NAMES):
        given = dict.fromkeys(("description", "namespace", "service_account", "pipeline_id", "pipeline_version_id"), "")
        run_id = runs.create({**given, "display_name": name, "experiment_id": f"e{number % 2}"}, {}, {})
        runs.move(run_id, SUCCEEDED if number < 3 else FAILED)
        database.execute("UPDATE runs SET created_at = ? WHERE run_id = ?", 1_000_000_000 + 60 * number, run_id)
    yield database
    database.close()


def listed(database: Database, query: Mapping[str, str], scope: Mapping[str, str] | None = None) -> Page:
    return page(database, LISTABLE, query, scope or {})


def names(found: Page) -> list[str]:
    return [row["display_name"] for row in found.rows]


def by(operation: str | int, key: str, **value: Any) -> dict[str, str]:
    return {"filter": json.dumps({"predicates": [{"operation": operation, "key": key, **value}]})}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (by("EQUALS", "display_name", stringValue="beta"), ["beta"]),
        (by(1, "name", string_value="beta"), ["beta"]),
        (by("EQUALS", "display_name", stringValue="GAMMA"), ["Gamma"]),
        (by("NOT_EQUALS", "state", stringValue="SUCCEEDED"), ["gamma-2", "delta"]),
        (by("IN", "display_name", stringValues={"values": ["alpha", "DELTA"]}), ["alpha", "delta"]),
        (by("IS_SUBSTRING", "display_name", stringValue="gamm"), ["Gamma", "gamma-2"]),
        (by("IS_SUBSTRING", "display_name", stringValue="%"), []),
        (by("GREATER_THAN", "created_at", timestampValue="2001-09-09T01:49:40Z"), ["delta"]),
        (by("GREATER_THAN_EQUALS", "created_at", timestampValue="2001-09-09T01:49:40Z"), ["gamma-2", "delta"]),
        (by("LESS_THAN", "created_at", longValue="1000000060"), ["alpha"]),
        (by("LESS_THAN_EQUALS", "created_at", longValue="1000000060"), ["alpha", "beta"]),
    ],
)
def test_a_filter_selects_what_it_says(database: Database, query: Mapping[str, str], expected: list[str]) -> None:
    found = listed(database, query)
    assert (names(found), found.total) == (expected, len(expected))


def test_all_predicates_must_hold(database: Database) -> None:
    predicates = [
        {"operation": "EQUALS", "key": "state", "stringValue": "SUCCEEDED"},
        {"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": "a"},
        {"operation": "NOT_EQUALS", "key": "display_name", "stringValue": "alpha"},
    ]
    assert names(listed(database, {"filter": json.dumps({"predicates": predicates})})) == ["beta", "Gamma"]


def test_only_runs_of_the_experiment_are_listed(database: Database) -> None:
    assert names(listed(database, {}, {"experiment_id": "e1"})) == ["beta", "gamma-2"]


@pytest.mark.parametrize("sort_by", ["", "created_at", "created_at desc", "display_name", "display_name desc", "state"])
def test_pages_together_are_the_whole_list(database: Database, sort_by: str) -> None:
    whole = names(listed(database, {"sort_by": sort_by}))
    seen: list[str] = []
    token = ""
    while True:
        found = listed(database, {"sort_by": sort_by, "page_size": "2", "page_token": token})
        seen += names(found)
        assert found.total == len(NAMES)
        if not (token := found.next_token):
            break
    assert seen == whole
    assert sorted(seen) == sorted(NAMES)


def test_a_page_is_not_shifted_by_a_run_that_comes_meanwhile(database: Database) -> None:
    first = listed(database, {"sort_by": "created_at desc", "page_size": "2"})
    database.execute("UPDATE runs SET created_at = 2000000000 WHERE display_name = 'alpha'")
    second = listed(database, {"page_token": first.next_token, "page_size": "2"})
    assert names(first) + names(second) == ["delta", "gamma-2", "Gamma", "beta"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"filter": "no json"}, "failed to parse valid filter"),
        (by("EQUALS", "colour", stringValue="red"), "unrecognized field 'colour'"),
        (by("LIKE", "name", stringValue="a"), "invalid predicate operation: 'LIKE'"),
        (by("IN", "name", stringValue="a"), "cannot use operator IN on a value of type string_value"),
        (by("EQUALS", "name", stringValues={"values": ["a"]}), "cannot use operator EQUALS"),
        (by("EQUALS", "name"), "found no value"),
        (by("EQUALS", "created_at", timestampValue="yesterday"), "'yesterday'"),
        ({"sort_by": "colour"}, "Invalid sorting field: 'colour'"),
        ({"sort_by": "name upwards"}, "invalid sort by format"),
        ({"page_size": "-1"}, "page size should be greater than 0"),
        ({"page_size": "many"}, "page size should be greater than 0"),
        ({"page_token": "made-up"}, "Invalid package token"),
    ],
)
def test_a_list_that_cannot_be_understood_is_refused(database: Database, query: Mapping[str, str], found: str) -> None:
    with pytest.raises(ApiError, match=found) as caught:
        listed(database, query)
    assert caught.value.status == 400


def test_a_page_token_is_only_good_for_its_own_question(database: Database) -> None:
    token = listed(database, {"page_size": "1"}).next_token
    with pytest.raises(ApiError, match="page token does not match"):
        listed(database, {"page_token": token, **by("EQUALS", "name", stringValue="beta")})
