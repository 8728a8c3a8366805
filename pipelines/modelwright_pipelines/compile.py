"""Compiles the pipelines into `pipelines/compiled/`, or checks that what is committed there is what the code says."""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kfp import compiler

from modelwright_pipelines import churn

COMPILED = Path(__file__).resolve().parents[1] / "compiled"
COMMAND = "PYTHONPATH=pipelines pipelines/.venv/bin/python -m modelwright_pipelines.compile"
PIPELINES = {churn.NAME: churn.churn_training}


def compiled(name: str) -> str:
    """The YAML package of a pipeline; KeyError if there is none of that name."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(PIPELINES[name], str(package))
        return package.read_text(encoding="utf-8")


def differences(folder: Path = COMPILED) -> str:
    """A unified diff from what is committed in `folder` to what the code says; "" if they agree."""
    lines: list[str] = []
    for name in PIPELINES:
        file = folder / f"{name}.yaml"
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = compiled(name)
        lines += difflib.unified_diff(
            before.splitlines(True), after.splitlines(True), f"committed/{file.name}", f"code/{file.name}"
        )
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 if `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m modelwright_pipelines.compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 where they differ")
    if parser.parse_args(arguments).check:
        if found := differences():
            print(found, file=sys.stderr)
            print(f"pipelines/compiled is not what the code says; to renew it, run: {COMMAND}", file=sys.stderr)
        return int(bool(found))
    COMPILED.mkdir(exist_ok=True)
    for name in PIPELINES:
        (COMPILED / f"{name}.yaml").write_text(compiled(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
