"""Tables as Markdown, written between their markers in docs/statistics.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Table:
    """`name` is that of its markers, `<!-- table: name -->` and `<!-- end -->`."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write(tables: Sequence[Table], page: Path) -> None:
    """Replace each table of the page. Raises ValueError for one that the page has no markers for."""
    text = page.read_text(encoding="utf-8")
    for table in tables:
        begin = re.escape(f"<!-- table: {table.name} -->")
        text, found = re.subn(rf"({begin}\n).*?(<!-- end -->)", rf"\g<1>{table.markdown()}\n\2", text, flags=re.DOTALL)
        if not found:
            raise ValueError(f"{page.name} has no place for the table {table.name!r}")
    page.write_text(text, encoding="utf-8")


def percent(share: float, *, limit: float | None = None) -> str:
    """A share as percent, bold where it is above `limit` by more than chance would have it in 200 runs."""
    text = f"{100 * share:.1f} %"
    return f"**{text}**" if limit is not None and share > limit + 2 * (limit * (1 - limit) / 200) ** 0.5 else text


def seconds(blocks: ArrayLike, quantile: float = 0.5) -> str:
    """A quantile of times given in blocks of ten seconds; those that never came are later than all others."""
    found = np.sort(np.asarray(blocks, dtype=float))[int(np.ceil(quantile * np.size(blocks))) - 1]
    if not isfinite(found):
        return "never"
    time = found * 10
    if time < 600:
        return f"{time:.0f} s"
    return f"{time / 60:.0f} min" if time < 7200 else f"{time / 3600:.1f} h"
