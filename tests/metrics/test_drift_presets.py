"""Each drift preset reads the share of drifted features from a page in the shape that the detector exports.

The pages are in exposition/drift/, all with two of five features drifted. Scraping adds the labels of a revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.metrics.exporting import Exporter, RealPrometheus, found

from modelwright.api.drift import DriftPreset, drift_value
from modelwright.api.metrics import Value
from modelwright.errors import InvalidSpec
from modelwright.metrics.asking import Asker
from modelwright.metrics.questions import Look, NoLook, ValueLook, ValueQuestion
from modelwright.metrics.variables import render, selector

PAGES = Path(__file__).parent / "exposition" / "drift"
BATCH = {DriftPreset.TRUSTYAI_JAVA: 5000}


@pytest.fixture(scope="module")
def exporters(prometheus: RealPrometheus) -> Iterator[Mapping[DriftPreset, Exporter]]:
    made = {
        preset: Exporter(namespace="ml", rollout=preset.lower(), revision="77d0aa91c2", pod="a")
        for preset in DriftPreset
    }
    prometheus.scrape(*made.values())
    yield made
    for exporter in made.values():
        prometheus.stop_scraping(exporter)


def asked(value: Value, preset: DriftPreset, prometheus: RealPrometheus) -> Look:
    variables = {"champion": selector("ml", preset.lower(), "77d0aa91c2")}
    samples = render(value.samples, variables) if value.samples else ""
    question = ValueQuestion("real", "drift", "champion", render(value.query, variables), samples, timedelta(seconds=1))
    return Asker({"real": prometheus.source}).ask(question)


def look(preset: DriftPreset, exporter: Exporter, prometheus: RealPrometheus) -> ValueLook:
    exporter.show((PAGES / f"{preset}.txt").read_text().replace("{rows}", "7000"))
    value = drift_value(preset, None, BATCH.get(preset))
    look = found(lambda: asked(value, preset, prometheus), is_value)
    assert isinstance(look, ValueLook), look
    return look


def is_value(look: Look) -> bool:
    return isinstance(look, ValueLook)


@pytest.mark.parametrize("preset", list(DriftPreset))
def test_two_of_five_features_have_drifted(
    preset: DriftPreset, exporters: Mapping[DriftPreset, Exporter], prometheus: RealPrometheus
) -> None:
    seen = look(preset, exporters[preset], prometheus)
    assert seen.value == pytest.approx(0.4)
    assert seen.samples == (7000 if preset is DriftPreset.MODELWRIGHT_MONITOR else None)


def test_none_drifted_is_zero_and_no_feature_is_no_number(
    exporters: Mapping[DriftPreset, Exporter], prometheus: RealPrometheus
) -> None:
    preset = DriftPreset.SELDON
    look(preset, exporters[preset], prometheus)
    calm = found(lambda: asked(drift_value(preset, Decimal("0.9"), None), preset, prometheus), is_value)
    assert isinstance(calm, ValueLook)
    assert calm.value == 0
    silent = replace(drift_value(preset, None, None))
    nothing = asked(Value(silent.query.replace("distance", "nothing")), preset, prometheus)
    assert isinstance(nothing, NoLook)
    assert nothing.reason == "NoSeries"


def test_p_values_are_not_read_as_effects_nor_the_other_way_round(
    exporters: Mapping[DriftPreset, Exporter], prometheus: RealPrometheus
) -> None:
    look(DriftPreset.TRUSTYAI_JAVA, exporters[DriftPreset.TRUSTYAI_JAVA], prometheus)
    wrong = asked(drift_value(DriftPreset.TRUSTYAI, None, None), DriftPreset.TRUSTYAI_JAVA, prometheus)
    assert isinstance(wrong, NoLook)
    look(DriftPreset.TRUSTYAI, exporters[DriftPreset.TRUSTYAI], prometheus)
    wrong = asked(drift_value(DriftPreset.TRUSTYAI_JAVA, None, 5000), DriftPreset.TRUSTYAI, prometheus)
    assert isinstance(wrong, NoLook)


def test_a_larger_batch_needs_a_smaller_p_value_for_the_same_effect() -> None:
    limits = [drift_value(DriftPreset.TRUSTYAI_JAVA, Decimal("0.1"), n).query.split("<= ")[1] for n in (100, 5000)]
    assert [limit.split(")")[0] for limit in limits] == ["0.270671", "7.44015e-44"]


@pytest.mark.parametrize(
    ("preset", "effect", "samples", "path"),
    [
        (DriftPreset.EVIDENTLY, Decimal("0.1"), None, "minEffect"),
        (DriftPreset.TRUSTYAI_JAVA, None, None, "minSamples"),
        (DriftPreset.TRUSTYAI, None, 5000, "minSamples"),
        (DriftPreset.SELDON, None, 5000, "minSamples"),
        (DriftPreset.EVIDENTLY, None, 5000, "minSamples"),
    ],
)
def test_what_a_detector_does_not_export_is_refused(
    preset: DriftPreset, effect: Decimal | None, samples: int | None, path: str
) -> None:
    with pytest.raises(InvalidSpec) as refused:
        drift_value(preset, effect, samples, path="spec.triggers[0].drift")
    assert refused.value.path == f"spec.triggers[0].drift.{path}"
