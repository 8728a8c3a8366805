"""What is known of the policy's pipeline: asked of the server, or read from the package that it brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.pipelines import Caching, Pipeline
from modelwright.cluster.answers import Answer
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.packages import described_package
from modelwright.kubeflow.questions import DescribePipeline, Failure, PipelineDescription, Trouble

Known = PipelineDescription | Failure | None
"""None while nobody has answered yet."""


def question_about(pipeline: Pipeline, server: str, namespace: str) -> DescribePipeline | None:
    """What to ask; nothing about a package in a ConfigMap, which every pass reads."""
    package = pipeline.package
    if package and package.config_map:
        return None
    uri = package.uri if package else ""
    return DescribePipeline(server, pipeline.name, pipeline.version, namespace, uri)


def described(
    pipeline: Pipeline, text: str | None, question: DescribePipeline | None, answers: Mapping[Any, Answer]
) -> Known:
    """The newest word on the pipeline. `text` is that of the package in a ConfigMap."""
    if question is None:
        return _in_config_map(pipeline, text)
    answer = answers.get(question)
    value = answer.value if answer else None
    return value if isinstance(value, PipelineDescription | Failure) else None


def check_caching(pipeline: Pipeline, known: PipelineDescription) -> str:
    """Why the cache cannot be switched off as the policy asks, "" if it can or is not asked to."""
    if pipeline.caching is not Caching.DISABLED or known.caching_controllable:
        return ""
    return (
        f"{pipeline.title} is not a graph of tasks whose caching options can be set: compile it with caching disabled "
        "and leave `caching` out"
    )


def _in_config_map(pipeline: Pipeline, text: str | None) -> Known:
    package = pipeline.package
    assert package is not None, "only a package can do without a question"
    where = f"key '{package.key}' of ConfigMap '{package.config_map}'"
    if text is None:
        return Failure(Trouble.NOT_FOUND, f"there is no {where}")
    try:
        return described_package(text)
    except InvalidSpec as error:
        return Failure(Trouble.INVALID, f"{where} {error.message}")
