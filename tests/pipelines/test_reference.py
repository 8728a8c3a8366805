"""What training rows looked like, and how far requests are from them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from modelwright_pipelines.reference import Feature, load, reference, to_json
from modelwright_playground.modelserver.drift import Drift
from modelwright_playground.world import CATEGORY, NUMBERS, World


def rows(count: int, seed: int, **changed: Any) -> list[dict[str, Any]]:
    return [{**customer.features, **changed} for customer in World(seed).customers(count, "before")]


KNOWN = reference(rows(4000, 1), NUMBERS, (CATEGORY,))


def effects(of: list[dict[str, Any]], window: int = 5000) -> dict[str, float]:
    drift = Drift(KNOWN, window)
    drift.seen(of)
    return dict(drift.effects())


def test_requests_like_the_training_rows_have_no_effect() -> None:
    assert max(effects(rows(3000, 2)).values()) < 0.03


def test_what_moved_shows_and_nothing_else_does() -> None:
    moved = [{**row, "monthly_charge": row["monthly_charge"] + 20, CATEGORY: "student"} for row in rows(3000, 2)]
    found = effects(moved)
    assert {name for name, effect in found.items() if effect >= 0.2} == {"monthly_charge", CATEGORY}


def test_a_value_that_training_never_saw_is_far_but_not_infinitely_so() -> None:
    found = effects(rows(1000, 2, plan="unheard-of"))
    assert 1 < found[CATEGORY] < 20


def test_numbers_with_few_values_are_told_apart_by_them() -> None:
    feature = Feature.of_numbers([0.0] * 95 + [1.0] * 5)
    assert feature.counts == (95, 5)
    assert feature.effect((50, 50)) > 0.2


def test_only_the_newest_rows_count() -> None:
    drift = Drift(KNOWN, window=500)
    drift.seen(rows(2000, 2, plan="student"))
    drift.seen(rows(500, 3))
    assert drift.rows == 500
    assert drift.effects()[CATEGORY] < 0.1


def test_nothing_is_said_before_the_first_row() -> None:
    assert (Drift(KNOWN).rows, dict(Drift(KNOWN).effects())) == (0, {})


def test_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    assert load(file) is None
    file.write_text(json.dumps(to_json(KNOWN)))
    assert load(file) == KNOWN


@pytest.mark.parametrize("broken", ["{}}", '{"a": {"counts": [1]}}', '{"a": {"edges": [1], "counts": [1]}}', "[1]"])
def test_anything_else_is_refused(broken: str, tmp_path: Path) -> None:
    file = tmp_path / "reference.json"
    file.write_text(broken)
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        load(file)


def test_texts_beyond_the_most_frequent_are_one() -> None:
    draw = random.Random(1)
    texts = [f"city-{min(int(draw.expovariate(0.1)), 99)}" for _ in range(5000)]
    feature = Feature.of_texts(texts)
    assert feature.bins == 21
    assert sum(feature.counts) == 5000
    assert feature.bin("nowhere") == 20
