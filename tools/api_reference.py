"""Writes docs/api.md from crds/*.yaml: every field with its type, its bounds and its meaning, and every rule's message.

`api_reference.py` prints nothing and writes the file, `api_reference.py --check` fails when the file is not what it
would write. Defaults are not in the schemas (docs/adr/0008): descriptions name them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGE = Path("docs/api.md")

# In the order in which a model goes through them.
KINDS = ("retrainpolicies", "retrainruns", "modelrollouts")

# Patterns that have a name of their own, so that tables stay readable.
NAMED_PATTERNS = {r"^([0-9]{1,5}(h|m|s|ms)){1,4}$": "duration"}
NAMED_FORMATS = {"date-time": "time", "int32": "integer", "int64": "integer"}

INTRODUCTION = """\
# API reference

Generated from [crds/](../crds) by `tools/api_reference.py`; do not edit. `modelwright.dev/v1alpha1`.

Defaults stand in the descriptions: the operator applies them when it reads, and never writes them into an object.
A *duration* is written as in the Gateway API (`90s`, `5m`, `1h30m`). A *time* is RFC 3339. Numbers that need not be
whole are texts, such as `"0.005"`. `[]` marks the items of a list.
"""

# The same result as the one in Python, ten times as fast; not every PyYAML is built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One row: `path` from the root of the object, and whether the object above it must have the field."""

    path: str
    schema: Schema
    required: bool


def fields(schema: Schema, path: str = "", *, required: bool = False) -> Iterator[Field]:
    """The schema's place itself, then everything below it, in the order of the file."""
    yield Field(path, schema, required)
    needed = set(schema.get("required", ()))
    for name, below in schema.get("properties", {}).items():
        yield from fields(below, f"{path}.{name}" if path else name, required=name in needed)
    items = schema.get("items", {})
    needed = set(items.get("required", ()))
    for name, below in items.get("properties", {}).items():
        yield from fields(below, f"{path}[].{name}", required=name in needed)


def type_of(schema: Schema) -> str:
    """The type in a word or two, for people."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return "object, as written"
    if schema["type"] == "array":
        items = type_of(schema["items"])
        keys = schema.get("x-kubernetes-list-map-keys")
        if keys:
            return f"list of {items}s by `{'`, `'.join(keys)}`"
        return f"{'set' if schema.get('x-kubernetes-list-type') == 'set' else 'list'} of {items}s"
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    named = NAMED_PATTERNS.get(schema.get("pattern", "")) or NAMED_FORMATS.get(schema.get("format", ""))
    return str(named or schema["type"])


def bounds_of(schema: Schema) -> str:
    """What admission holds the value to, beside its type and the rules."""
    found = []
    if "default" in schema:
        found.append(f"default `{yaml.safe_dump(schema['default'], default_flow_style=True).strip()}`")
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " items"),
        ("minLength", "maxLength", " characters"),
    ):
        if low in schema and high in schema:
            found.append(f"{schema[low]} to {schema[high]}{unit}")
        elif low in schema:
            found.append(f"≥ {schema[low]}{unit}")
        elif high in schema and type_of(schema) != "duration":
            found.append(f"≤ {schema[high]}{unit}")
    pattern = schema.get("pattern")
    if pattern and pattern not in NAMED_PATTERNS:
        found.append(f"`{_in_table(pattern)}`")
    return ", ".join(found)


def rules_of(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """(path, message) of every CEL rule at this place and, for a list, at its items."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule["message"]
    if "items" in schema:
        yield from rules_of(schema["items"], f"{path}[]")


def page(root: Path = ROOT) -> str:
    """The whole text of docs/api.md."""
    definitions = [yaml.load((root / "crds" / f"{name}.yaml").read_text(), LOADER) for name in KINDS]
    stray = {path.stem for path in (root / "crds").glob("*.yaml")} - set(KINDS)
    if stray:
        raise SystemExit(f"crds/ holds {', '.join(sorted(stray))}, which tools/api_reference.py does not know")
    return "\n".join([INTRODUCTION, *(_kind(definition) for definition in definitions)])


def _kind(definition: Mapping[str, Any]) -> str:
    names, version = definition["spec"]["names"], definition["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    lines = [f"## {names['kind']}", "", schema["description"], ""]
    lines += [f"Short name `{names['shortNames'][0]}`. Columns of `kubectl get`: {_columns(version)}.", ""]
    lines += _rules([("", rule["message"]) for rule in schema.get("x-kubernetes-validations", ())])
    for part in ("spec", "status"):
        rows = list(fields(schema["properties"][part], part, required=part in schema["required"]))
        lines += [f"### {names['kind']} {part}", "", "| field | type | bounds | meaning |", "|---|---|---|---|"]
        lines += [_row(row) for row in rows]
        lines.append("")
        lines += _rules([found for row in rows for found in rules_of(row.schema, row.path)])
    return "\n".join(lines)


def _columns(version: Mapping[str, Any]) -> str:
    return ", ".join(
        column["name"] + (" (with `-o wide`)" if column.get("priority") else "")
        for column in version["additionalPrinterColumns"]
    )


def _row(field: Field) -> str:
    needed = ["required"] if field.required else []
    bounds = ", ".join([*needed, *filter(None, [bounds_of(field.schema)])])
    meaning = _in_table(" ".join(field.schema.get("description", "").split()))
    return f"| `{field.path}` | {type_of(field.schema)} | {bounds} | {meaning} |"


def _rules(found: list[tuple[str, str]]) -> list[str]:
    if not found:
        return []
    return ["Refused unless:", "", *(f"- {f'`{path}`: ' if path else ''}{message}" for path, message in found), ""]


def _in_table(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    target, wanted = ROOT / PAGE, page()
    if arguments == ["--check"]:
        if target.exists() and target.read_text() == wanted:
            return 0
        print(f"{PAGE} is not what crds/ says; run .venv/bin/python tools/api_reference.py", file=sys.stderr)
        return 1
    if arguments:
        print("usage: api_reference.py [--check]", file=sys.stderr)
        return 2
    target.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
