"""A mapping that writes down which of its fields are asked for: what a parser reads, without the parser knowing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Watched(Mapping[str, Any]):
    """`asked` collects the paths of all fields asked for, whether they were there or not."""

    def __init__(self, values: Mapping[str, Any], asked: set[str], path: str = "") -> None:
        self._values, self._asked, self._path = values, asked, path

    def __getitem__(self, name: str) -> Any:
        path = f"{self._path}.{name}" if self._path else name
        self._asked.add(path)
        return self._recorded(self._values[name], path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _recorded(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return Watched(value, self._asked, path)
        if isinstance(value, list):
            return [self._recorded(item, f"{path}[]") for item in value]
        return value
