"""The gate, line by line: what passes, what fails, and that what is missing never passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.retraining.builders import CHAMPION, NEW_DIGEST, NOW, OLD_DIGEST, evaluation

from modelwright.api.gate import AgainstChampion, Check, Gate
from modelwright.api.metrics import Bounds
from modelwright.api.models import Model
from modelwright.api.policy import Champion
from modelwright.kubeflow.evaluation import (
    Comparison,
    EvaluatedChampion,
    EvaluatedModel,
    EvaluatedRows,
    MetricResult,
    Rows,
)
from modelwright.retraining.plan.gate import GateInput, judge, passed

FLOOR = Check("floor", "accuracy", bounds=Bounds(min=Decimal("0.90")))
NOT_WORSE = Check("not-worse", "accuracy", champion=AgainstChampion(max_decrease=Decimal("0.005")))
SERVING = Champion("77d0aa91c2", CHAMPION, "churn")
OTHER_DIGEST = "sha256:" + "2" * 64


def given(**changes: Any) -> GateInput:
    defaults: dict[str, Any] = {
        "run_uid": "churn-run1-uid",
        "evaluation": evaluation(),
        "model_digest": NEW_DIGEST,
        "champion": SERVING,
        "rejected": {},
        "gate": Gate(changes.pop("checks", (FLOOR, NOT_WORSE)), changes.pop("attempts_per_data", 1)),
    }
    return GateInput(**{**defaults, **changes})


def verdicts(given: GateInput) -> dict[str, str]:
    return {line.check: line.verdict for line in judge(given)}


def bad(given: GateInput) -> dict[str, str]:
    return {check: verdict for check, verdict in verdicts(given).items() if verdict != "Pass"}


def test_a_better_model_on_fresh_rows_passes_every_line() -> None:
    lines = judge(given())
    assert passed(lines)
    assert [line.check for line in lines] == [
        "RunEcho",
        "DigestMatches",
        "NewDigest",
        "NewRecipe",
        "ChampionUnchanged",
        "RowsAreLater",
        "RowsDisjoint",
        "Sampling",
        "AttemptsPerData",
        "floor",
        "not-worse",
    ]


def rows(**changes: Any) -> EvaluatedRows:
    return replace(evaluation().evaluate, **changes)


@pytest.mark.parametrize(
    ("line", "verdict", "changes"),
    [
        ("RunEcho", "Fail", {"run_uid": "another-uid"}),
        ("DigestMatches", "Fail", {"model": EvaluatedModel("file:///m", OTHER_DIGEST)}),
        ("ChampionUnchanged", "Fail", {"champion": None}),
        ("ChampionUnchanged", "Fail", {"champion": EvaluatedChampion(OTHER_DIGEST, rescored=True)}),
        ("ChampionUnchanged", "Fail", {"champion": EvaluatedChampion(OLD_DIGEST, rescored=False)}),
        (
            "RowsAreLater",
            "Fail",
            {"evaluate": rows(rows=Rows(NOW - timedelta(hours=23, minutes=1), NOW, "sha256:evaluate"))},
        ),
        ("RowsDisjoint", "Fail", {"overlap_rows": 1}),
        ("RowsDisjoint", "Fail", {"overlap_entities": 1}),
        ("RowsDisjoint", "Fail", {"evaluate": rows(rows=replace(rows().rows, digest="sha256:train"))}),
        ("Sampling", "Fail", {"evaluate": rows(sampling="Active")}),
        ("Sampling", "Fail", {"evaluate": rows(sampling="Reviewed")}),
        ("floor", "Fail", {"metrics": {"accuracy": MetricResult(0.899, 5000, True)}}),
        ("not-worse", "NoData", {"comparisons": {}}),
        ("not-worse", "Fail", {"comparisons": {"accuracy": Comparison(0.01, -0.0051, 0.02, 0.95, "paired")}}),
        ("not-worse", "NoData", {"comparisons": {"accuracy": Comparison(0.01, 0.005, 0.02, 0.89, "paired")}}),
    ],
)
def test_one_wrong_thing_in_the_evaluation_stops_exactly_its_own_line(
    line: str, verdict: str, changes: dict[str, Any]
) -> None:
    assert bad(given(evaluation=evaluation(**changes))) == {line: verdict}


def test_a_metric_that_the_evaluation_lacks_passes_no_check() -> None:
    lines = judge(given(evaluation=evaluation(metrics={})))
    assert bad(given(evaluation=evaluation(metrics={}))) == {"floor": "NoData", "not-worse": "NoData"}
    assert not passed(lines)


def test_a_metric_from_no_rows_passes_no_check() -> None:
    nothing = evaluation(metrics={"accuracy": MetricResult(0.99, 0, True)})
    assert bad(given(evaluation=nothing)) == {"floor": "NoData", "not-worse": "NoData"}


def test_the_value_of_a_floor_meets_it_exactly() -> None:
    assert not bad(given(evaluation=evaluation(metrics={"accuracy": MetricResult(0.9, 5000, True)})))


def test_evaluation_rows_may_begin_exactly_when_the_last_training_label_is_known() -> None:
    earliest = evaluation().train.end + timedelta(hours=1)
    assert not bad(given(evaluation=evaluation(evaluate=rows(rows=Rows(earliest, NOW, "sha256:evaluate")))))


def test_files_other_than_the_evaluation_says_are_caught_by_our_own_digest() -> None:
    assert bad(given(model_digest=OTHER_DIGEST)) == {"DigestMatches": "Fail"}


def test_the_champion_trained_again_is_nothing_new() -> None:
    same = evaluation(model=EvaluatedModel("file:///m", OLD_DIGEST))
    assert bad(given(evaluation=same, model_digest=OLD_DIGEST)) == {"NewDigest": "Fail"}


def test_a_model_that_was_rolled_back_stays_rejected() -> None:
    assert bad(given(rejected={NEW_DIGEST: "errors 5 %"})) == {"NewDigest": "Fail"}


def test_a_champion_of_unknown_digest_cannot_be_compared_with() -> None:
    unknown = Champion("77d0aa91c2", Model("v0", "file:///v0"), "churn")
    assert bad(given(champion=unknown)) == {"ChampionUnchanged": "NoData"}


def test_the_first_model_is_judged_by_its_floor_alone() -> None:
    first = evaluation(champion=None, comparisons={})
    assert not bad(given(champion=None, evaluation=first))
    low = replace(first, metrics={"accuracy": MetricResult(0.5, 5000, True)})
    assert bad(given(champion=None, evaluation=low)) == {"floor": "Fail"}


def test_a_champion_that_is_gone_by_now_invalidates_the_comparison() -> None:
    assert bad(given(champion=None)) == {"ChampionUnchanged": "Fail"}


def test_where_less_is_better_a_decrease_of_quality_is_an_increase_of_the_metric() -> None:
    check = Check("calibration", "ece", champion=AgainstChampion(max_decrease=Decimal("0.005")))
    assert not bad(given(checks=(check,)))
    worse = evaluation(comparisons={"ece": Comparison(0.004, 0.001, 0.006, 0.95, "paired")})
    assert bad(given(checks=(check,), evaluation=worse)) == {"calibration": "Fail"}


def test_without_declared_checks_a_model_that_is_clearly_worse_does_not_pass() -> None:
    assert not bad(given(checks=()))
    worse = evaluation(comparisons={"accuracy": Comparison(-0.03, -0.05, -0.01, 0.95, "paired")})
    assert bad(given(checks=(), evaluation=worse)) == {"NotClearlyWorse": "Fail"}
    assert bad(given(checks=(), evaluation=evaluation(comparisons={}))) == {"NotClearlyWorse": "NoData"}


def test_messages_hold_the_numbers() -> None:
    messages = {line.check: line.message for line in judge(given())}
    assert messages["floor"] == "accuracy 0.931 on 5000 rows, needed ≥ 0.90"
    assert messages["not-worse"] == "accuracy +0.018 [+0.011, +0.025], may lose at most 0.005"
