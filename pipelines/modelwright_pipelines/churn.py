"""The pipeline `churn-training`: ingest → validate → train → evaluate. Its parameters are the operator's contract."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from modelwright_pipelines import components

NAME = "churn-training"


DESCRIPTION = "Trains the churn model on the newest labels and judges it beside the champion."


def _pipeline(graph: Callable[..., None]) -> Any:
    return dsl.pipeline(graph, name=NAME, description=DESCRIPTION)


@_pipeline
def churn_training(
    data: str,
    result_uri: str,
    run_uid: str,
    since: str = "",
    run_name: str = "",
    champion_uri: str = "",
    champion_digest: str = "",
    seed: int = 0,
    label_horizon: str = "2s",
    slices: str = "",
    comparison_confidence: float = 0.975,
    anchor: str = "",
    purpose: str = "Retrain",
) -> None:
    """`data`: URI of the lake. `result_uri`: where evaluation.json goes, and the model beside it. `run_uid`: echoed.
    `since`: RFC 3339, or "" for all rows. `champion_uri`: "" if there is none. `label_horizon`: such as "2s".
    `slices`: features whose categories are declared slices, by comma. `comparison_confidence`: one-sided. `anchor`: URI
    of a curated lake, "" for none. `purpose`: "Evaluate" trains nothing, and judges the champion by itself."""
    ingested = components.ingest(data=data, since=since, purpose=purpose)
    # The lake behind an unchanged URI grows: Kubeflow's default caching would hand out last week's rows.
    ingested.set_caching_options(False)
    validated = components.validate(rows=ingested.outputs["rows"])
    trained = components.train(
        valid=validated.outputs["valid"],
        result_uri=result_uri,
        run_name=run_name,
        label_horizon=label_horizon,
        seed=seed,
        champion_uri=champion_uri,
        purpose=purpose,
    )
    evaluated = components.evaluate(
        valid=validated.outputs["valid"],
        findings=validated.outputs["findings"],
        model_uri=trained.output,
        result_uri=result_uri,
        run_uid=run_uid,
        champion_uri=champion_uri,
        champion_digest=champion_digest,
        label_horizon=label_horizon,
        seed=seed,
        slices=slices,
        comparison_confidence=comparison_confidence,
        anchor=anchor,
        purpose=purpose,
    )
    # Both write outside of what Kubeflow tracks: a cache hit would promise files that may be gone by now.
    trained.set_caching_options(False)
    evaluated.set_caching_options(False)
