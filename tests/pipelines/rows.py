"""Labelled rows as the lake holds them, for tests: customers of the playground's world, one a second."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from modelwright_playground.world import Concept, World

START = datetime(2026, 11, 21, 8, tzinfo=UTC)


def customers(count: int, concept: Concept = "before", seed: int = 1, prefix: str = "r") -> list[dict[str, Any]]:
    """Rows in the lake's form."""
    return [
        {
            "id": f"{prefix}{number}",
            "time": (START + timedelta(seconds=number)).isoformat(),
            "labelTime": (START + timedelta(seconds=number + 2)).isoformat(),
            "features": customer.features,
            "label": customer.label,
        }
        for number, customer in enumerate(World(seed).customers(count, concept))
    ]


def write(folder: Path, rows: Iterable[dict[str, Any]], name: str = "rows") -> str:
    """Writes a file of the lake in `folder` and returns the lake's URI."""
    file = folder / "labelled" / f"{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder.as_uri()
