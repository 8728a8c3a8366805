"""House rules that no tool checks: where code may lie, how long a file may be, and what it may not be called."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("operator", "playground", "pipelines", "tools", "benchmarks", "conformance")
LONGEST = 400
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def sources() -> list[Path]:
    found = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if ".venv" not in path.parts]
    assert len(found) > 100, "the rooms are elsewhere: this test looks at nothing"
    return found


def test_operator_is_a_source_root_and_no_package() -> None:
    # With it, Python's own module `operator` could not be imported (docs/adr/0001).
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_no_source_file_is_too_long_to_read_at_once() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in sources()}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_every_module_is_named_after_its_idea() -> None:
    paths = {path.relative_to(ROOT) for path in sources()}
    assert [path for path in sorted(paths) if SAYS_NOTHING & {part.removesuffix(".py") for part in path.parts}] == []
