"""The manifests that the contract is tried on: some must be accepted, changes to them must be refused."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.contract.schema import KINDS, ROOT

HERE = Path(__file__).parent
_HEADER = re.compile(r"# base: (?P<base>\S+)\n# at: (?P<at>.+)\n# says: (?P<says>.+)\n")


@dataclass(frozen=True)
class Refusal:
    """A change to an accepted manifest, the path that the API server must name, and what it must say there."""

    name: str
    base: str
    at: str
    says: str
    change: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        """The manifest with the change merged in, as `kubectl patch --type=merge` does it."""
        return dict(merged(read(HERE / "accepted" / f"{self.base}.yaml")[0], self.change))


def read(file: Path) -> list[dict[str, Any]]:
    return [body for body in yaml.safe_load_all(file.read_text()) if body]


def accepted() -> dict[str, dict[str, Any]]:
    """Manifests of our kinds by name: those of this room, and the examples that users are given."""
    files = sorted([*(HERE / "accepted").glob("*.yaml"), *(ROOT / "examples").glob("*.yaml")])
    return {f"{file.parent.name}/{file.stem}": body for file in files for body in read(file) if body["kind"] in KINDS}


def refusals() -> list[Refusal]:
    return [_refusal(file) for file in sorted((HERE / "rejected").glob("*.yaml"))]


def merged(body: Any, change: Any) -> Any:
    """RFC 7386: null deletes, objects merge, everything else replaces."""
    if not isinstance(change, Mapping):
        return copy.deepcopy(change)
    result = dict(body) if isinstance(body, Mapping) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _refusal(file: Path) -> Refusal:
    text = file.read_text()
    header = _HEADER.match(text)
    if header is None:
        raise ValueError(f"{file.name} must begin with the comment lines base, at and says")
    return Refusal(file.stem, header["base"], header["at"], header["says"], yaml.safe_load(text))
