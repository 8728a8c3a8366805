"""Compiled pipelines that a policy brings along, rather than naming one on the server: what their text says. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import yaml

from modelwright.errors import InvalidSpec
from modelwright.kubeflow.caching import Spec, without_caching
from modelwright.kubeflow.parameters import declared_parameters
from modelwright.kubeflow.questions import PipelineDescription

LARGEST_PACKAGE = 1 << 20
"""Bytes: as much as a ConfigMap can hold."""


def package_digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def parse_package(text: str) -> Spec:
    """The compiled pipeline in `text`: YAML as `kfp` compiles it, whose second document holds platform features.

    Raises InvalidSpec where it is none.
    """
    if len(text) > LARGEST_PACKAGE:
        raise InvalidSpec("", f"must be at most {LARGEST_PACKAGE} bytes")
    try:
        documents = [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if isinstance(each, Mapping)]
    except (yaml.YAMLError, RecursionError):
        raise InvalidSpec("", "must be YAML as the Kubeflow SDK compiles it") from None
    pipelines: list[dict[str, Any]] = [dict(each) for each in documents if "pipelineInfo" in each]
    platforms = [dict(each) for each in documents if "platforms" in each]
    if len(pipelines) != 1 or len(platforms) > 1 or not isinstance(pipelines[0].get("root"), Mapping):
        raise InvalidSpec("", f"must hold one compiled pipeline (pipelineInfo, root), found {len(pipelines)}")
    if platforms:
        return {"pipeline_spec": pipelines[0], "platform_spec": platforms[0]}
    return pipelines[0]


def described_package(text: str) -> PipelineDescription:
    """What the compiled pipeline in `text` declares. Raises InvalidSpec where it is none."""
    spec = parse_package(text)
    try:
        parameters = declared_parameters(spec)
    except ValueError as error:
        raise InvalidSpec("", str(error)) from None
    controllable = without_caching(spec) is not None
    return PipelineDescription("", "", "", parameters, controllable, package_digest(text))
