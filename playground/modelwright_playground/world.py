"""The playground's world: customers of a phone company, and whether they leave (churn).

Observes nothing and writes nothing: a seed and a concept give the same customers on every machine. Standard library
only, because both the load (operator environment) and the tests of the pipelines (ML environment) need it.

The truth is a logistic function of the features, so that the best reachable accuracy is known: 0.94. `before` and
`after` differ in the sign of two effects (concept drift): a model of `before` falls to about 0.74. The features are
distributed as they were, so that only labels tell that a model went stale.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

Concept = Literal["before", "after"]
Features = dict[str, float | str]

CATEGORY = "plan"
PLANS = ("basic", "standard", "premium", "family")
NEW_PLAN = "student"
"""A plan that was introduced late: an encoder fitted on PLANS only has never seen it."""
NEW_PLAN_SHARE = 0.045


@dataclass(frozen=True)
class Effect:
    """How one numeric feature moves the log-odds, per standard deviation from its mean."""

    mean: float
    deviation: float
    before: float
    after: float

    def of(self, value: float, concept: Concept) -> float:
        """The feature's share of the log-odds."""
        weight = self.before if concept == "before" else self.after
        return weight * (value - self.mean) / self.deviation


# A competitor's offer turns two effects around: those whose contract was about to end and whose use dropped used to
# leave; afterwards it is the heavy users in mid-contract who are bought out.
EFFECTS: dict[str, Effect] = {
    "tenure_months": Effect(36.5, 20.8, before=-3.8, after=-3.8),
    "monthly_charge": Effect(60.0, 18.0, before=3.8, after=3.8),
    "support_calls": Effect(2.0, 1.41, before=4.6, after=4.6),
    "late_payments": Effect(1.0, 1.0, before=3.0, after=3.0),
    "data_gb": Effect(25.0, 8.0, before=-1.6, after=-1.6),
    "usage_drop": Effect(0.25, 0.433, before=2.9, after=-2.9),
    "contract_months_left": Effect(12.0, 7.2, before=-1.6, after=1.6),
}
PLAN_EFFECT: dict[str, float] = {"basic": 0.8, "standard": 0.0, "premium": -1.2, "family": -1.6, NEW_PLAN: 1.4}
INTERCEPT = -1.5

NUMBERS = tuple(EFFECTS)
COLUMNS = (*NUMBERS, CATEGORY)


@dataclass(frozen=True)
class Customer:
    """One customer: what a model may see, the true probability of leaving, and what happened (1 = left)."""

    features: Features
    probability: float
    label: int


def probability(features: Mapping[str, float | str], concept: Concept) -> float:
    """The true probability (0 to 1) that this customer leaves; KeyError if a column is missing or the plan unknown."""
    log_odds = INTERCEPT + PLAN_EFFECT[str(features[CATEGORY])]
    log_odds += sum(effect.of(float(features[name]), concept) for name, effect in EFFECTS.items())
    return 1.0 / (1.0 + math.exp(-log_odds))


class World:
    """An endless stream of customers, decided by `seed` alone.

    `new_plan_share` (0 to 1) is the share of customers on NEW_PLAN. Features do not depend on the concept: two worlds
    of one seed meet the same customers, whatever the concept.
    """

    def __init__(self, seed: int | str, new_plan_share: float = NEW_PLAN_SHARE) -> None:
        self._random = Random(seed)
        self._new_plan_share = new_plan_share

    def customer(self, concept: Concept) -> Customer:
        """The next customer, labelled by this concept."""
        features = self._features()
        chance = probability(features, concept)
        return Customer(features, chance, int(self._random.random() < chance))

    def customers(self, count: int, concept: Concept) -> Iterator[Customer]:
        """The next `count` customers."""
        return (self.customer(concept) for _ in range(count))

    def _features(self) -> Features:
        draw = self._random
        features: Features = {
            "tenure_months": float(draw.randint(1, 72)),
            "monthly_charge": round(min(max(draw.gauss(60.0, 18.0), 10.0), 130.0), 2),
            "support_calls": float(self._poisson(2.0)),
            "late_payments": float(self._poisson(1.0)),
            "data_gb": round(max(draw.gauss(25.0, 8.0), 0.0), 1),
            "usage_drop": round(draw.uniform(-0.5, 1.0), 3),
            "contract_months_left": float(draw.randint(0, 24)),
        }
        # Both are always drawn, so that another share changes the plan of some customers and nothing else about any.
        is_new, plan = draw.random() < self._new_plan_share, draw.choice(PLANS)
        features[CATEGORY] = NEW_PLAN if is_new else plan
        return features

    def _poisson(self, mean: float) -> int:
        # Knuth's method; the standard library has no Poisson draw.
        limit, product, count = math.exp(-mean), self._random.random(), 0
        while product > limit:
            product *= self._random.random()
            count += 1
        return count
