"""What an hour of a policy's pipeline costs, and what a run has cost in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from modelwright.api.budget import GPU_HOURS, Price
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.errors import InvalidSpec
from modelwright.named import usable
from modelwright.retraining.plan.limits.spending import HOUR, ended_at, hourly, meter_of, money
from modelwright.retraining.rates import PipelineRates

PATH = "spec.limits.budget"


def price_of(policy: RetrainPolicy, rates: Mapping[str, PipelineRates]) -> Price | None:
    """By the policy's price list, None where it names none. InvalidSpec where its budget could never be reckoned."""
    budget, resources = policy.spec.limits.budget, policy.spec.pipeline.resources
    if budget is None:
        return None
    for name, allowance in (("perDay", budget.per_day), ("perMonth", budget.per_month)):
        if allowance and allowance.unit == GPU_HOURS and resources.gpu is None:
            raise InvalidSpec(
                f"{PATH}.{name}", "`gpuHours` must go with spec.pipeline.resources.gpu, whose hours count"
            )
    if not budget.rates:
        return None
    listed = usable(policy.namespace, budget.rates, rates, "rates ", f"{PATH}.rates")
    for name, allowance in (("perDay", budget.per_day), ("perMonth", budget.per_month)):
        if allowance and allowance.unit not in (GPU_HOURS, listed.currency):
            message = f"must be {listed.currency}, as rates {listed.name!r} are, found {allowance.unit}"
            raise InvalidSpec(f"{PATH}.{name}.currency", message)
    return listed.price(resources)


def reckoned(run: RetrainRun) -> RetrainRun:
    """`run` with duration and cost of its pipeline, if that has ended."""
    meter, end = meter_of(run), ended_at(run)
    if meter is None or end is None:
        return run
    whole = timedelta(seconds=round(max(end - meter.since, timedelta(0)).total_seconds()))
    hours = whole // timedelta(seconds=1)
    used = {unit: rate * hours / (HOUR // timedelta(seconds=1)) for unit, rate in hourly(meter).items()}
    known = replace(
        run.status.pipeline_run,
        duration=whole,
        cost=", ".join(f"{money(amount)} {unit}" for unit, amount in used.items() if unit != GPU_HOURS),
        gpu_hours=money(used[GPU_HOURS]) if GPU_HOURS in used else "",
    )
    return replace(run, status=replace(run.status, pipeline_run=known))
