"""What an hour of a pipeline costs: by the platform's price list, and by what the policy declares it takes."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.api.budget import Price
from modelwright.api.pipelines import Gpu, Resources, Spot
from modelwright.errors import InvalidSpec
from modelwright.retraining.rates import parse_pipeline_rates

LIST: dict[str, Any] = {
    "name": "gpu",
    "currency": "EUR",
    "perHour": "0.40",
    "gpus": [{"type": "a100", "perHour": "2.70", "spotPerHour": "1.10"}, {"type": "l4", "perHour": "0.70"}],
    "nodePools": [{"name": "training", "perHour": "0.80"}],
}


def price(resources: Resources, **changes: Any) -> Price:
    return parse_pipeline_rates({"pipelineRates": [{**LIST, **changes}]})["gpu"].price(resources)


@pytest.mark.parametrize(
    ("resources", "per_hour"),
    [
        (Resources(), "0.4"),
        (Resources(Gpu("a100")), "3.1"),
        (Resources(Gpu("a100", 4), "training"), "12"),
        (Resources(Gpu("a100", 2), spot=Spot.REQUIRED), "2.6"),
        (Resources(Gpu("a100", 2), spot=Spot.PREFERRED), "5.8"),
        (Resources(Gpu("l4"), spot=Spot.REQUIRED), "1.1"),
        (Resources(node_pool="training"), "1.2"),
    ],
)
def test_an_hour_costs_what_is_declared_and_spot_only_where_it_is_sure(resources: Resources, per_hour: str) -> None:
    assert price(resources) == Price(per_hour, "EUR")


@pytest.mark.parametrize(
    ("resources", "path", "says"),
    [
        (Resources(Gpu("h100")), "spec.pipeline.resources.gpu.type", "no price in rates 'gpu'; it lists: a100, l4"),
        (Resources(node_pool="big"), "spec.pipeline.resources.nodePool", "it lists: training"),
    ],
)
def test_what_has_no_price_is_refused(resources: Resources, path: str, says: str) -> None:
    with pytest.raises(InvalidSpec, match=says) as error:
        price(resources)
    assert error.value.path == path


def test_a_pipeline_that_would_cost_nothing_is_refused_as_no_budget_could_ever_end() -> None:
    with pytest.raises(InvalidSpec, match="nothing else has a price"):
        price(Resources(), perHour="0")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"perHour": "-1"}, "pipelineRates[0].perHour"),
        ({"perHour": 1}, "pipelineRates[0].perHour"),
        ({"perDay": "1"}, "pipelineRates[0].perDay"),
        ({"gpus": [{"type": "a100"}]}, "pipelineRates[0].gpus[0].perHour"),
        ({"gpus": [{"type": "a100", "perHour": "1", "spot": "1"}]}, "pipelineRates[0].gpus[0].spot"),
    ],
)
def test_a_list_that_is_wrong_says_where(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        parse_pipeline_rates({"pipelineRates": [{**LIST, **change}]})
    assert error.value.path == path
