"""Tells servers that share one process among models, which no weight can divide, from their pods. Pure.

Looked for are ModelMesh's label, and the flags and variables with which vLLM, SGLang, Text Generation Inference and
KServe's Hugging Face server load LoRA adapters beside a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LORA_FLAGS = ("--enable-lora", "--lora-modules", "--lora-paths", "--lora-adapters")
LORA_VARIABLES = ("LORA_ADAPTERS", "VLLM_ALLOW_RUNTIME_LORA_UPDATING")
MODEL_MESH_LABEL = "modelmesh-service"
NO = ("", "0", "false")

NEEDED = "traffic is divided between processes that serve one model each: give each version pods of its own"

Object = Mapping[str, Any]


def shared_server_in(template: Object) -> str:
    """What a pod template says of models that share its process, "" where it says nothing of that."""
    if MODEL_MESH_LABEL in (template.get("metadata") or {}).get("labels", {}):
        return f"its pods are ModelMesh's (label '{MODEL_MESH_LABEL}')"
    return shared_server_among((template.get("spec") or {}).get("containers") or ())


def shared_server_among(containers: Sequence[Object]) -> str:
    """The same of containers alone."""
    for container in containers:
        name = container.get("name", "")
        for flag, value in _flags(container):
            if flag in LORA_FLAGS and value.lower() not in NO[1:]:
                return f"container '{name}' loads LoRA adapters into one process ({flag})"
        for variable in container.get("env") or ():
            on = str(variable.get("value", "")).lower() not in NO or "valueFrom" in variable
            if variable.get("name") in LORA_VARIABLES and on:
                return f"container '{name}' loads LoRA adapters into one process (variable {variable['name']})"
    return ""


def _flags(container: Object) -> Iterator[tuple[str, str]]:
    """Each flag with what stands behind its "=". A shell's whole command line may be one argument."""
    for argument in (*(container.get("command") or ()), *(container.get("args") or ())):
        for word in str(argument).split():
            flag, _, value = word.strip("'\"").partition("=")
            yield flag, value
