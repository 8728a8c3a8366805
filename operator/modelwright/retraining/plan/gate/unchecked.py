"""What stands in where a policy declares no checks."""

from __future__ import annotations

from modelwright.api.run import GateLine
from modelwright.retraining.plan.gate.given import GateInput, fails, interval_text, no_data, passes

NAME = "NotClearlyWorse"


def not_clearly_worse(given: GateInput) -> GateLine:
    """No compared metric may be worse beyond its interval."""
    if given.champion is None:
        return passes(NAME, "no champion serves, and the policy declares no checks")
    compared = {
        metric: comparison
        for metric, comparison in given.evaluation.comparisons.items()
        if metric in given.evaluation.metrics
    }
    if not compared:
        return no_data(NAME, "the evaluation compares no metric with the champion")
    worse = [
        f"{metric} {interval_text(comparison)}"
        for metric, comparison in sorted(compared.items())
        if (comparison.high < 0 if given.evaluation.metrics[metric].higher_is_better else comparison.low > 0)
    ]
    if worse:
        return fails(NAME, "worse than the champion: " + ", ".join(worse))
    return passes(NAME, ", ".join(f"{metric} {interval_text(found)}" for metric, found in sorted(compared.items())[:5]))
