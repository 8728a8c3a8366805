"""Each prediction is counted exactly once, at its time plus the horizon, whatever its label does."""

import pytest

from modelwright_playground.modelserver.maturity import Matured, Maturity

HORIZON = 10.0
NOTHING = Matured(0, 0, 0)


@pytest.fixture
def maturity() -> Maturity:
    return Maturity(HORIZON)


def test_a_prediction_is_counted_at_its_horizon_and_only_once(maturity: Maturity) -> None:
    maturity.predicted("a", 1, now=100.0)
    maturity.labelled("a", 1, now=101.0)
    assert maturity.settle(109.9) == NOTHING
    assert maturity.settle(110.0) == Matured(1, 1, 1)
    assert maturity.settle(200.0) == NOTHING


def test_a_wrong_prediction_is_labelled_and_wrong(maturity: Maturity) -> None:
    maturity.predicted("a", 1, now=100.0)
    maturity.labelled("a", 0, now=101.0)
    counts = maturity.settle(110.0)
    assert (counts.labelled, counts.correct, counts.wrong) == (1, 0, 1)


def test_a_prediction_without_a_label_matures_and_is_neither_correct_nor_wrong(maturity: Maturity) -> None:
    maturity.predicted("a", 1, now=100.0)
    counts = maturity.settle(110.0)
    assert (counts.matured, counts.labelled, counts.correct, counts.wrong) == (1, 0, 0, 0)


def test_a_label_after_the_horizon_does_not_count_even_if_nothing_settled_in_between(maturity: Maturity) -> None:
    maturity.predicted("a", 1, now=100.0)
    maturity.labelled("a", 1, now=110.1)
    assert maturity.settle(120.0) == Matured(1, 0, 0)
    maturity.labelled("a", 1, now=121.0)
    assert maturity.settle(140.0) == NOTHING


def test_a_label_that_overtakes_its_prediction_waits_for_it(maturity: Maturity) -> None:
    maturity.labelled("a", 1, now=99.0)
    maturity.predicted("a", 1, now=100.0)
    assert maturity.settle(110.0) == Matured(1, 1, 1)


def test_of_labels_without_a_prediction_the_newest_are_kept() -> None:
    maturity = Maturity(HORIZON, capacity=2)
    for name in "abc":
        maturity.labelled(name, 1, now=99.0)
    for name in "ac":
        maturity.predicted(name, 1, now=100.0)
    assert maturity.settle(110.0) == Matured(2, 1, 1)


def test_the_first_of_two_labels_counts(maturity: Maturity) -> None:
    maturity.predicted("a", 1, now=100.0)
    maturity.labelled("a", 0, now=101.0)
    maturity.labelled("a", 1, now=102.0)
    assert maturity.settle(110.0) == Matured(1, 1, 0)


def test_a_retried_request_is_one_prediction_also_after_it_was_counted(maturity: Maturity) -> None:
    maturity.predicted("a", 1, now=100.0)
    maturity.predicted("a", 0, now=101.0)
    assert maturity.settle(110.0) == Matured(1, 0, 0)
    maturity.predicted("a", 1, now=111.0)
    assert maturity.settle(130.0) == NOTHING


def test_labels_of_other_servers_predictions_are_passed_over(maturity: Maturity) -> None:
    maturity.predicted("mine", 1, now=100.0)
    maturity.labelled("theirs", 1, now=101.0)
    assert maturity.settle(110.0) == Matured(1, 0, 0)


def test_a_full_memory_refuses_the_newest_and_judges_nobody_early() -> None:
    maturity = Maturity(HORIZON, capacity=2)
    assert [maturity.predicted(name, 1, now=100.0) for name in "abc"] == [True, True, False]
    assert maturity.settle(109.0) == NOTHING
    assert maturity.settle(110.0) == Matured(2, 0, 0)
    assert maturity.predicted("d", 1, now=111.0)
    assert maturity.settle(121.0) == Matured(1, 0, 0)
