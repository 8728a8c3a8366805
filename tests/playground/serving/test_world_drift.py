"""The world: the same for everybody, learnable, and with a drift that hurts and can be mended."""

import json
from collections.abc import Callable

import pytest

from modelwright_playground.world import CATEGORY, COLUMNS, NEW_PLAN, Concept, World, probability

ACCURACIES = """
import json
from modelwright_playground.world import World
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

world = World("accuracies")

def rows(count, concept):
    customers = list(world.customers(count, concept))
    return [customer.features for customer in customers], [customer.label for customer in customers]

def trained(concept):
    model = make_pipeline(DictVectorizer(sparse=False), StandardScaler(), LogisticRegression(max_iter=500))
    return model.fit(*rows(2000, concept))

before, after = rows(4000, "before"), rows(4000, "after")
champion, retrained = trained("before"), trained("after")
scores = [champion.score(*before), champion.score(*after), retrained.score(*after)]
print(json.dumps([float(score) for score in scores]))
"""


def test_one_seed_gives_one_world() -> None:
    assert list(World(7).customers(50, "before")) == list(World(7).customers(50, "before"))
    assert list(World(7).customers(50, "before")) != list(World(8).customers(50, "before"))


def test_the_concept_changes_labels_and_never_features() -> None:
    before, after = list(World(7).customers(500, "before")), list(World(7).customers(500, "after"))
    assert [customer.features for customer in before] == [customer.features for customer in after]
    assert sum(a.label != b.label for a, b in zip(before, after, strict=True)) > 50


def test_a_few_customers_have_the_new_plan_and_none_if_none_are_asked_for() -> None:
    share = sum(customer.features[CATEGORY] == NEW_PLAN for customer in World(7).customers(5000, "before")) / 5000
    assert 0.03 < share < 0.06
    assert all(customer.features[CATEGORY] != NEW_PLAN for customer in World(7, 0.0).customers(1000, "before"))


@pytest.mark.parametrize("concept", ["before", "after"])
def test_the_best_reachable_accuracy_is_known(concept: Concept) -> None:
    customers = list(World(7).customers(5000, concept))
    best = sum(max(customer.probability, 1 - customer.probability) for customer in customers) / 5000
    assert 0.93 < best < 0.95
    assert 0.25 < sum(customer.label for customer in customers) / 5000 < 0.5


def test_a_customer_has_all_columns_and_the_probability_that_they_imply() -> None:
    customer = World(7).customer("after")
    assert tuple(customer.features) == COLUMNS
    assert probability(customer.features, "after") == customer.probability


def test_a_plain_model_falls_with_the_drift_and_retraining_mends_it(ml: Callable[..., str]) -> None:
    champion_before, champion_after, retrained_after = json.loads(ml(ACCURACIES))
    assert champion_before > 0.90
    assert 0.68 < champion_after < 0.80
    assert retrained_after > 0.90
