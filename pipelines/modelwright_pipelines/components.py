"""The components of `churn-training`: each body only names a step, which the image contains.

TRAP: kfp copies a body's source into the compiled pipeline, without this module. A body sees its parameters and what it
imports itself, nothing else; and annotations must not be deferred, hence no `from __future__ import annotations`.
"""

from collections.abc import Callable
from typing import Any

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

IMAGE = "modelwright.dev/pipelines:0.1.0"


def _component(body: Callable[..., Any]) -> Any:
    # Installing kfp at the start of every task would cost most of a short one's time, and a network: the image has it.
    return dsl.component(body, base_image=IMAGE, install_kfp_package=False)


@_component
def ingest(data: str, since: str, purpose: str, rows: Output[Dataset]) -> str:
    """Fixes a snapshot of the labelled rows of `data`; returns their digest."""
    from modelwright_pipelines import steps

    if purpose == "Evaluate":
        # The champion must not be judged on what it was trained on, so that has to be known.
        since = ""
    rows.metadata.update(steps.ingest(data, since, rows.path))
    return str(rows.metadata["rowsDigest"])


@_component
def validate(rows: Input[Dataset], valid: Output[Dataset], findings: Output[Artifact]) -> int:
    """Leaves out rows that no model should see; returns how many are left."""
    from modelwright_pipelines import steps

    valid.metadata.update(steps.validate(rows.path, valid.path, findings.path))
    return int(valid.metadata["kept"])


@_component
def train(
    valid: Input[Dataset],
    result_uri: str,
    run_name: str,
    label_horizon: str,
    seed: int,
    champion_uri: str,
    purpose: str,
) -> str:
    """Trains on the older rows; returns the URI of the model folder, the champion's where it only evaluates."""
    from modelwright_pipelines import steps

    if purpose == "Evaluate":
        return champion_uri
    print(f"training model version {run_name or 'without a name'}")
    return steps.train(valid.path, result_uri, label_horizon, seed)


@_component
def evaluate(
    valid: Input[Dataset],
    findings: Input[Artifact],
    model_uri: str,
    result_uri: str,
    run_uid: str,
    champion_uri: str,
    champion_digest: str,
    label_horizon: str,
    seed: int,
    slices: str,
    comparison_confidence: float,
    anchor: str,
    purpose: str,
) -> float:
    """Judges the model beside the champion on the newest rows and writes evaluation.json; returns its accuracy."""
    from modelwright_pipelines import steps

    return steps.evaluate(
        valid.path,
        findings.path,
        model_uri,
        result_uri,
        run_uid,
        champion_uri,
        champion_digest,
        label_horizon,
        seed,
        slices,
        comparison_confidence,
        anchor,
        purpose,
    )
