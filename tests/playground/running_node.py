"""The playground's node as its own process, as the supervisor runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from modelwright_playground.child import dies_with_parent
from modelwright_playground.instance import Instance


class RunningNode:
    """Runs until `stop`; what it says is in `log`."""

    def __init__(self, instance: Instance, log: Path) -> None:
        self.instance = instance
        self.log = log
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "modelwright_playground.node", "--dir", str(self.instance.dir)],
            env={**os.environ, "MODELWRIGHT_NODE_BACKOFF_SECONDS": "2"},
            preexec_fn=dies_with_parent(),
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=120.0)

    def containers(self, uid: str) -> list[int]:
        """The process ids of a pod's running containers."""
        records = (self.instance.dir / "pods" / uid).glob("*.pid")
        return [json.loads(record.read_text())["pid"] for record in records]
