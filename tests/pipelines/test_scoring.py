"""The numbers of the evaluation: against values by hand, and their intervals against simulation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from modelwright_pipelines import scoring

LABELS = np.array([1.0, 1.0, 0.0, 0.0])
CHANCES = np.array([0.9, 0.4, 0.2, 0.6])


def test_metrics_are_what_their_names_say() -> None:
    measured = {name: each["value"] for name, each in scoring.measured(LABELS, CHANCES).items()}
    assert measured["accuracy"] == 0.5
    assert measured["f1"] == 0.5
    assert measured["brier"] == pytest.approx((0.01 + 0.36 + 0.04 + 0.36) / 4)
    assert measured["logloss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.4]).mean())
    assert measured["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.6) / 4)


def test_a_model_that_is_sure_and_wrong_has_a_finite_loss() -> None:
    assert scoring.log_loss(np.array([1.0]), np.array([0.0])) == pytest.approx(34.54, abs=0.01)


def test_identical_models_differ_by_nothing_but_not_with_certainty() -> None:
    compared = scoring.compared(LABELS, CHANCES, CHANCES, seed=0)
    assert all(each["difference"] == 0 for each in compared.values())
    assert compared["accuracy"]["low"] < 0 < compared["accuracy"]["high"]


def test_the_interval_of_accuracies_is_bonett_and_prices() -> None:
    labels = np.ones(100)
    better = np.repeat([1.0, 1.0, 0.0, 0.0], [70, 12, 3, 15])
    best = np.repeat([1.0, 0.0, 1.0, 0.0], [70, 12, 3, 15])
    found = scoring.accuracy_difference(labels, better, best)
    # (12 + 1) / 102 and (3 + 1) / 102 by hand
    centre, spread = 9 / 102, np.sqrt((17 / 102 - (9 / 102) ** 2) / 102)
    assert found["difference"] == pytest.approx(0.09)
    assert found["low"] == pytest.approx(centre - 1.959964 * spread)
    assert found["high"] == pytest.approx(centre + 1.959964 * spread)


def test_intervals_cover_the_true_difference_as_often_as_they_say() -> None:
    random = np.random.default_rng(7)
    n, repeats, hits = 300, 2000, 0
    for _ in range(repeats):
        # Correct together 80 %, candidate alone 8 %, champion alone 5 %: the true difference is 0.03.
        kind = random.choice(4, n, p=[0.80, 0.08, 0.05, 0.07])
        candidate, champion = np.isin(kind, (0, 1)).astype(float), np.isin(kind, (0, 2)).astype(float)
        found = scoring.accuracy_difference(np.ones(n), candidate, champion)
        hits += found["low"] <= 0.03 <= found["high"]
    # Three standard errors of a simulation of this size.
    assert hits / repeats == pytest.approx(scoring.LEVEL, abs=3 * np.sqrt(0.95 * 0.05 / repeats))


def test_a_better_model_is_better_in_every_metric_in_its_own_direction() -> None:
    random = np.random.default_rng(1)
    chances = random.uniform(0.02, 0.98, 2000)
    labels = (random.uniform(size=2000) < chances).astype(float)
    for metric, found in zip(
        scoring.METRICS, scoring.compared(labels, chances, 1 - chances, seed=0).values(), strict=True
    ):
        assert found["low"] <= found["difference"] <= found["high"]
        assert found["low"] > 0 if metric.higher_is_better else found["high"] < 0


def test_an_interval_holds_its_own_difference_also_where_resampling_is_biased() -> None:
    random = np.random.default_rng(3)
    chances = random.uniform(0.02, 0.98, 60)
    labels = (random.uniform(size=60) < chances).astype(float)
    ece = next(metric for metric in scoring.METRICS if metric.name == "ece")
    constant = np.full(60, labels.mean())
    one_sided = np.tile(np.argsort(np.abs(labels - chances))[30:], 2)[None, :].repeat(50, axis=0)
    found = scoring.bootstrap_difference(ece, labels, chances, constant, one_sided)
    assert found["low"] <= found["difference"] <= found["high"]
    assert found["low"] < found["high"]


def test_an_interval_narrows_with_more_rows() -> None:
    widths = []
    for n in (100, 400, 1600):
        labels = np.ones(n)
        candidate, champion = np.tile([1.0, 1.0, 0.0, 1.0], n // 4), np.tile([1.0, 0.0, 1.0, 1.0], n // 4)
        found = scoring.accuracy_difference(labels, candidate, champion)
        widths.append(found["high"] - found["low"])
    assert all(wide > narrow for wide, narrow in pairwise(widths))
