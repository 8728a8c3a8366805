"""Walks the schemas of crds/: their nodes by path, what they require, and their rules.

Paths are those of error messages without indexes: `spec.analysis.metrics[].name`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KINDS = ("ModelRollout", "RetrainPolicy", "RetrainRun")


@dataclass(frozen=True)
class Node:
    path: str
    schema: Mapping[str, Any]
    required: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_leaf(self) -> bool:
        """Whether it is read as a whole: a scalar, a list of scalars, or the pod template."""
        inner = self.schema.get("items", self.schema)
        return "properties" not in inner


@dataclass(frozen=True)
class Rule:
    """A CEL rule at `path`, as the API server reports it."""

    path: str
    message: str
    is_about_changes: bool = False


def definition(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of `kind`."""
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        crd: dict[str, Any] = yaml.safe_load(file.read_text())
        if crd["spec"]["names"]["kind"] == kind:
            return crd
    raise LookupError(kind)


def version(kind: str) -> dict[str, Any]:
    (only,) = definition(kind)["spec"]["versions"]
    return dict(only)


def root(kind: str) -> Node:
    return Node("", version(kind)["schema"]["openAPIV3Schema"])


def nodes(kind: str, part: str) -> tuple[Node, ...]:
    """Every node below `part` ("spec" or "status") of `kind`, without `part` itself."""
    return tuple(_below(Node(part, root(kind).schema["properties"][part])))


def rules(kind: str) -> tuple[Rule, ...]:
    spec = Node("spec", root(kind).schema["properties"]["spec"])
    return tuple(
        Rule(node.path, rule["message"], "oldSelf" in rule["rule"])
        for node in (root(kind), spec, *nodes(kind, "spec"))
        for rule in node.schema.get("x-kubernetes-validations", ())
    )


def values_at(body: Any, path: str) -> list[Any]:
    """The values that `body` has at `path`; several where it leads through lists."""
    found = [body]
    for name in path.split(".") if path else ():
        name, brackets, _ = name.partition("[]")
        found = [value[name] for value in found if isinstance(value, Mapping) and name in value]
        if brackets:
            found = [item for value in found for item in value]
    return found


def _below(node: Node) -> Iterator[Node]:
    items = node.schema.get("items")
    if items and "properties" in items:
        element = Node(f"{node.path}[]", items)
        yield element
        yield from _below(element)
    required = node.schema.get("required", ())
    for name, schema in node.schema.get("properties", {}).items():
        child = Node(f"{node.path}.{name}", schema, name in required)
        yield child
        yield from _below(child)
