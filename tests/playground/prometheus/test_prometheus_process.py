"""The room as a process, on a real control plane."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

PATIENCE = 180


@pytest.mark.parametrize("name", ["prometheus", "gateway"])
def test_a_room_says_that_it_is_ready_and_ends_when_told_to(control_plane: Any, name: str) -> None:
    instance = control_plane.instance
    answers = {
        "prometheus": f"{instance.prometheus_url}/-/ready",
        "gateway": f"http://127.0.0.1:{instance.ports.envoy_admin}/ready",
    }
    said: Path = instance.ready / name
    said.unlink(missing_ok=True)
    room = subprocess.Popen([sys.executable, "-m", f"modelwright_playground.{name}", "--dir", str(instance.dir)])
    try:
        deadline = time.monotonic() + PATIENCE
        while not said.exists():
            assert room.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with urlopen(answers[name]) as answer:
            assert answer.status == 200
        room.terminate()
        assert room.wait(PATIENCE) == 0
    finally:
        room.kill()
        room.wait()
