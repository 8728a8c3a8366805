"""The pipelines' package lives in its own environment: what is pure is imported here, the rest runs over there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
sys.path.append(str(PIPELINES))


@pytest.fixture
def in_ml_environment() -> Callable[..., Any]:
    """Runs a script in the pipelines' environment with arguments; its last line is JSON, which is returned."""

    def run(script: str, *arguments: str) -> Any:
        command = [str(PIPELINES / ".venv" / "bin" / "python"), "-W", "ignore", "-c", script, *arguments]
        done = subprocess.run(
            command, env={"PYTHONPATH": str(PIPELINES)}, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
