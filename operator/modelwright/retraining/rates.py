"""Price lists as the platform configures them: what an hour of a pipeline costs, by what its policy declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from modelwright.api.budget import Price
from modelwright.api.fields import Fields
from modelwright.api.pipelines import Resources, Spot
from modelwright.errors import InvalidSpec
from modelwright.metrics.credentials import refuse_unknown
from modelwright.named import by_name

NOTHING = Decimal(0)


@dataclass(frozen=True)
class HourlyPrice:
    """Of one GPU or of a place in a node pool. `spot` is what it costs where it may be reclaimed, None for the same."""

    regular: Decimal
    spot: Decimal | None = None

    def with_spot(self, spot: Spot | None) -> Decimal:
        """Whoever merely prefers spot may get a regular one: only who requires it is sure of its price."""
        return self.spot if spot is Spot.REQUIRED and self.spot is not None else self.regular


@dataclass(frozen=True)
class PipelineRates:
    """Prices under a name. `per_hour` is that of any run, whatever else it takes."""

    name: str
    currency: str
    namespaces: tuple[str, ...] = ("*",)
    per_hour: Decimal = NOTHING
    gpus: Mapping[str, HourlyPrice] = field(default_factory=dict)
    node_pools: Mapping[str, HourlyPrice] = field(default_factory=dict)

    def allows(self, namespace: str) -> bool:
        return "*" in self.namespaces or namespace in self.namespaces

    def price(self, resources: Resources) -> Price:
        """Of an hour with `resources`. InvalidSpec where one of them has no price, or where nothing costs anything."""
        path, found = "spec.pipeline.resources", self.per_hour
        if resources.gpu:
            each = _listed(self.gpus, resources.gpu.type, f"{path}.gpu.type", self.name)
            found += resources.gpu.count * each.with_spot(resources.spot)
        if resources.node_pool:
            found += _listed(self.node_pools, resources.node_pool, f"{path}.nodePool", self.name).with_spot(
                resources.spot
            )
        if found <= 0:
            raise InvalidSpec(path, f"must name a gpu or a nodePool: by rates {self.name!r} nothing else has a price")
        return Price(f"{found.normalize():f}", self.currency)


def parse_pipeline_rates(configuration: Mapping[str, Any]) -> dict[str, PipelineRates]:
    """The section `pipelineRates`, by name. InvalidSpec with the path of the field that has to change."""
    return by_name(configuration, "pipelineRates", _rates, "price lists")


def _rates(fields: Fields) -> PipelineRates:
    refuse_unknown(fields, ("name", "currency", "namespaces", "perHour", "gpus", "nodePools"))
    return PipelineRates(
        name=fields.text("name"),
        currency=fields.text("currency"),
        namespaces=fields.texts("namespaces") if fields.has("namespaces") else ("*",),
        per_hour=_decimal(fields, "perHour", NOTHING),
        gpus={each.text("type"): _hourly(each, "type") for each in fields.sections("gpus")},
        node_pools={each.text("name"): _hourly(each, "name") for each in fields.sections("nodePools")},
    )


def _hourly(fields: Fields, key: str) -> HourlyPrice:
    refuse_unknown(fields, (key, "perHour", "spotPerHour"))
    spot = _decimal(fields, "spotPerHour") if fields.has("spotPerHour") else None
    return HourlyPrice(_decimal(fields, "perHour"), spot)


def _decimal(fields: Fields, name: str, default: Decimal | None = None) -> Decimal:
    found = fields.decimal(name, default)
    if found < 0:
        raise fields.refuse(name, "must not be negative")
    return found


def _listed(prices: Mapping[str, HourlyPrice], name: str, path: str, rates: str) -> HourlyPrice:
    if name not in prices:
        known = ", ".join(sorted(prices)) or "none"
        raise InvalidSpec(path, f"{name!r} has no price in rates {rates!r}; it lists: {known}")
    return prices[name]
