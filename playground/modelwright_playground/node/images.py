"""The image table: which local command stands for which image.

images.yaml maps an image to `command` (its entrypoint), `args` (what runs unless the pod brings its own), `env`, and
`allowCommand` (a pod's `command` may replace the entrypoint; off, so that a manifest with a path that exists only in a
real image is refused and not run as something else). `{repo}`, `{python}` and `{ml_python}` are substituted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modelwright.errors import InvalidSpec
from modelwright_playground.node.errors import CannotStart, config_error

_FIELDS = {"command", "args", "env", "allowCommand"}


@dataclass(frozen=True)
class Image:
    """`command` and `args` as a Dockerfile's ENTRYPOINT and CMD; `env` lies below the pod's own."""

    name: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: Mapping[str, str]
    allow_command: bool

    def arguments(self, command: Sequence[str] | None, args: Sequence[str] | None) -> list[str]:
        """The whole argument list for a container's `command` and `args`, by the rules of Kubernetes."""
        if command and not self.allow_command:
            raise config_error(
                f"image {self.name} runs the command that images.yaml gives it; "
                "remove `command` from the container, or set allowCommand: true for this image"
            )
        if command:
            return [*command, *(args or ())]
        return [*self.command, *(args or self.args)]


@dataclass(frozen=True)
class ImageTable:
    images: Mapping[str, Image]

    def find(self, name: str) -> Image:
        """The entry of an image; ErrImageNeverPull where the table has none."""
        if name not in self.images:
            known = ", ".join(sorted(self.images)) or "none"
            raise CannotStart(
                "ErrImageNeverPull",
                f"image {name} is not in playground/images.yaml, and this node pulls nothing; it knows: {known}",
            )
        return self.images[name]


def load_images(files: Sequence[Path], places: Mapping[str, str]) -> ImageTable:
    """Read the table from `files`, later ones overriding earlier ones. `places` maps `repo`, `python`, … to paths."""
    images: dict[str, Image] = {}
    for file in files:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for name, entry in content.get("images", {}).items():
            images[name] = _image(name, entry, places)
    return ImageTable(images)


def _image(name: str, entry: Any, places: Mapping[str, str]) -> Image:
    path = f"images[{name}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("command"), list) or not entry["command"]:
        raise InvalidSpec(path, "needs `command`, a list of strings with at least the program")
    if unknown := set(entry) - _FIELDS:
        raise InvalidSpec(path, f"unknown fields {', '.join(sorted(unknown))}; known are {', '.join(sorted(_FIELDS))}")

    def placed(text: Any) -> str:
        # Not str.format: a command may hold braces of its own.
        result = str(text)
        for place, value in places.items():
            result = result.replace("{" + place + "}", value)
        return result

    return Image(
        name=name,
        command=tuple(placed(part) for part in entry["command"]),
        args=tuple(placed(part) for part in entry.get("args", [])),
        env={key: placed(value) for key, value in entry.get("env", {}).items()},
        allow_command=bool(entry.get("allowCommand", False)),
    )
