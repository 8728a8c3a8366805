"""Compiled pipelines: reads a package (YAML, JSON, zip or tar.gz), and checks a run's parameters against it."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import yaml

from modelwright_playground.kubeflow.errors import invalid

LARGEST_PACKAGE = 32 << 20  # bytes, as Kubeflow's own limit
SCHEMA = "2.1.0"
_KINDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "NUMBER_DOUBLE": ("double or integer", (int, float)),
    "NUMBER_INTEGER": ("double or integer", (int, float)),
    "STRING": ("string", str),
    "BOOLEAN": ("bool", bool),
    "LIST": ("list", list),
    "STRUCT": ("struct", dict),
}

Spec = dict[str, Any]


def read_package(content: bytes) -> Spec:
    """The pipeline spec in a package, by its content (a file's name proves nothing). ApiError if there is none."""
    if len(content) > LARGEST_PACKAGE:
        raise invalid(f"File size too large. Found {len(content)} bytes, maximum is {LARGEST_PACKAGE}")
    try:
        documents = list(yaml.load_all(_unpacked(content).decode(), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise invalid(f"unable to decode yaml document: {type(error).__name__}") from None
    return checked(next((each for each in documents if isinstance(each, dict) and "platforms" not in each), None))


def checked(spec: Any) -> Spec:
    """The spec itself, also where it comes wrapped with a platform's own settings; ApiError if it is not one."""
    found = spec.get("pipeline_spec", spec) if isinstance(spec, dict) else None
    if not isinstance(found, dict) or not found.get("pipelineInfo"):
        raise invalid("Invalid pipeline spec: no pipeline spec is provided")
    if (schema := found.get("schemaVersion")) != SCHEMA:
        raise invalid(
            f"Invalid pipeline spec: found schema version {schema}, KFP only supports schema version {SCHEMA}"
        )
    if not found["pipelineInfo"].get("name"):
        raise invalid("Invalid pipeline spec: name is empty")
    if not found.get("root"):
        raise invalid("Invalid pipeline spec: root component is empty")
    return found


def check_parameters(spec: Spec, given: Mapping[str, Any]) -> None:
    """Refuses a run whose parameters are missing, of another type, or not declared by the pipeline (ApiError)."""
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in declared.items():
        if name not in given:
            if not parameter.get("isOptional") and "defaultValue" not in parameter:
                raise invalid(f"parameter {name} is not optional, yet has neither default value nor user value")
            continue
        _check_type(name, str(parameter.get("parameterType", "")), given[name])
    if extra := sorted(given.keys() - declared.keys()):
        raise invalid(f"parameter(s) provided are not required by pipeline: {', '.join(extra)}")


def _check_type(name: str, kind: str, value: Any) -> None:
    if kind not in _KINDS:
        raise invalid(f"input parameter {name} requires type {kind or 'unknown'}, which is invalid for root component")
    wanted, types = _KINDS[kind]
    # bool is an int in Python and not a number in JSON.
    if not isinstance(value, types) or (kind.startswith("NUMBER") and isinstance(value, bool)):
        found = type(value).__name__
        raise invalid(f"input parameter {name} requires type {wanted}, but the parameter value is of type {found}")


def _unpacked(content: bytes) -> bytes:
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            return archive.read(_only(names))
    if content.startswith(b"\x1f\x8b"):
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
            member = tar.extractfile(_only(tar.getnames()))
            return member.read() if member else b""
    return content


def _only(names: list[str]) -> str:
    packages = [name for name in names if name.endswith((".yaml", ".yml", ".json"))]
    if len(packages) != 1:
        raise invalid(f"found {len(packages)} YAML or JSON files in the archive, need exactly one")
    return packages[0]
