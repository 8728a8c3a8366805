"""The newest marker below a prefix: only below what the platform allows, bounded, and known again."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from modelwright.errors import InvalidSpec
from modelwright.kubeflow import markers
from modelwright.kubeflow.markers import newest_marker
from modelwright.kubeflow.places import OutsideResultRoot
from modelwright.kubeflow.questions import MarkerFound, NewestMarker
from modelwright.kubeflow.storage import NotThere


def leave(folder: Path, at: float, name: str = "_SUCCESS") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("")
    os.utime(folder / name, (at, at))


def find(root: Path, prefix: str = "lake") -> MarkerFound:
    return newest_marker(NewestMarker("default", f"file://{root}/{prefix}", "_SUCCESS"), (f"file://{root}/lake",))


def test_it_is_the_newest_by_time_wherever_it_lies(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    leave(lake / "day=2", 100)
    leave(lake / "day=1", 200)
    leave(lake / "day=3", 300, "part-0.parquet")
    leave(lake / "day=4" / "deeper" / "still", 400)
    first = find(tmp_path)
    assert first.path == "day=1/_SUCCESS"
    assert find(tmp_path) == first
    leave(lake, 500)
    assert find(tmp_path).path == "_SUCCESS"
    rewritten = find(tmp_path).token
    leave(lake, 600)
    assert find(tmp_path).token != rewritten


def test_of_two_of_the_same_time_the_names_decide() -> None:
    system = fsspec.filesystem("memory")
    for day in ("01", "03", "02"):
        system.pipe(f"/marked/day={day}/_SUCCESS", b"")
    for entry in system.store.values():
        entry.created = datetime(2026, 11, 21, tzinfo=UTC)
    found = newest_marker(NewestMarker("default", "memory://marked", "_SUCCESS"), ("memory://marked",))
    assert found.path.endswith("day=03/_SUCCESS")


def test_a_marker_is_seen_although_its_prefix_was_listed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake of what libraries of object stores do: they list a prefix once, and then remember it."""
    listed: dict[str, Any] = {}
    find = MemoryFileSystem.find

    def find_once(system: Any, path: str, *args: Any, **options: Any) -> Any:
        return listed.setdefault(path, find(system, path, *args, **options))

    monkeypatch.setattr(MemoryFileSystem, "find", find_once)
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda system, path=None: listed.clear())
    question, roots = NewestMarker("default", "memory://remembered", "_SUCCESS"), ("memory://remembered",)
    with pytest.raises(NotThere):
        newest_marker(question, roots)
    fsspec.filesystem("memory").pipe("/remembered/day=01/_SUCCESS", b"")
    assert newest_marker(question, roots).path == "day=01/_SUCCESS"


def test_nothing_outside_of_a_data_root_is_listed(tmp_path: Path) -> None:
    leave(tmp_path / "secret", 100)
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "way-out").symlink_to(tmp_path / "secret")
    for prefix in ("secret", "lake/../secret", "lake/way-out"):
        with pytest.raises(OutsideResultRoot):
            find(tmp_path, prefix)


def test_no_marker_and_too_many_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotThere):
        find(tmp_path)
    leave(tmp_path / "lake" / "day=1", 100, "part-0.parquet")
    with pytest.raises(NotThere):
        find(tmp_path)
    monkeypatch.setattr(markers, "MAX_FILES", 1)
    leave(tmp_path / "lake" / "day=1", 100)
    with pytest.raises(InvalidSpec, match="at most 1 files"):
        find(tmp_path)
