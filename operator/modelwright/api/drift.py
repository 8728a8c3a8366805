"""Drift triggers as metrics: what each preset asks of what a detector is documented to export. Pure.

Asked is the share of features whose effect size is large, never how small a p-value is: with enough rows any difference
is significant. docs/profiles.md says which detectors cannot tell revisions apart by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import exp

from modelwright.api.metrics import Value
from modelwright.errors import InvalidSpec


class DriftPreset(StrEnum):
    """MODELWRIGHT_MONITOR: effect and rows per feature. TRUSTYAI: its service in Python, whose Kolmogorov-Smirnov gauge
    is the statistic. TRUSTYAI_JAVA: the one in Java, where the gauge of that name is a p-value. SELDON: its server for
    Alibi Detect. EVIDENTLY: its Prometheus exporter, which judges features itself."""

    MODELWRIGHT_MONITOR = "ModelwrightMonitor"
    TRUSTYAI = "TrustyAI"
    TRUSTYAI_JAVA = "TrustyAIJava"
    SELDON = "Seldon"
    EVIDENTLY = "Evidently"


@dataclass(frozen=True)
class Effect:
    """A gauge with one series per feature: its name and matchers, the label that names features, and the effect from
    which on a feature counts as drifted where the spec does not say."""

    gauge: str
    feature: str
    least: Decimal


EFFECTS = {
    # Population stability index: 0.2 is where a shift is usually called large.
    DriftPreset.MODELWRIGHT_MONITOR: Effect("modelwright_drift_effect{$(champion)}", "feature", Decimal("0.2")),
    # TRAP: both services call it trustyai_kstest. Only one of them has the label modelId.
    DriftPreset.TRUSTYAI: Effect('trustyai_kstest{$(champion),modelId!=""}', "subcategory", Decimal("0.1")),
    DriftPreset.SELDON: Effect("seldon_metric_drift_distance{$(champion)}", "index", Decimal("0.1")),
}
JAVA_EFFECT = Decimal("0.1")
SAMPLES = {DriftPreset.MODELWRIGHT_MONITOR: "max(modelwright_drift_rows{$(champion)})"}
MIN_SAMPLES = 1000
# The least number that is not 0 in every notation.
SMALLEST = 1e-300


def drift_value(preset: DriftPreset, min_effect: Decimal | None, min_samples: int | None, *, path: str = "") -> Value:
    """What to ask for: the share of drifted features, and the rows behind it where the detector tells.

    Raises InvalidSpec for what the detector does not export. `path` is that of the trigger's `drift`.
    """
    if preset is DriftPreset.EVIDENTLY and min_effect is not None:
        raise InvalidSpec(f"{path}.minEffect", "must be left out with Evidently, which judges each feature itself")
    if preset is DriftPreset.TRUSTYAI_JAVA:
        if min_samples is None:
            raise InvalidSpec(f"{path}.minSamples", "must be set with TrustyAIJava, to the batch size of its request")
        return Value(_share(_by_p_value(min_effect or JAVA_EFFECT, min_samples), *_java(min_samples)))
    if min_samples is not None and preset not in SAMPLES:
        raise InvalidSpec(
            f"{path}.minSamples", f"must be left out with {preset}, which does not say how many rows it saw"
        )
    if preset is DriftPreset.EVIDENTLY:
        return Value("max(evidently:data_drift:share_drifted_features{$(champion)})")
    effect = EFFECTS[preset]
    wanted = f">= {min_effect or effect.least:f}"
    return Value(_share(wanted, effect.gauge, effect.feature, "max"), SAMPLES.get(preset, ""))


def _java(batch: int) -> tuple[str, str, str]:
    return f'trustyai_kstest{{$(champion),model!="",batch_size="{batch}"}}', "subcategory", "min"


def _by_p_value(effect: Decimal, batch: int) -> str:
    """The p-values at which the statistic is at least `effect`, whatever the number of training rows.

    Asymptotically p = 2 exp(-2 n D²) with n = batch · training / (batch + training), which is below `batch` (Smirnov's
    limit; Press et al., Numerical Recipes, 14.3). So p ≤ 2 exp(-2 batch effect²) only where D ≥ `effect`.
    """
    return f"<= {max(2 * exp(-2 * batch * float(effect) ** 2), SMALLEST):.6g}"


def _share(drifted: str, gauge: str, feature: str, worst: str) -> str:
    """Of the features that there are, those whose worst series is `drifted`. Without any feature there is no number."""
    each = f"{worst} by ({feature}) ({gauge})"
    return f"(count({each} {drifted}) or vector(0)) / count({each})"
