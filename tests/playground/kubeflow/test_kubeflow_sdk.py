"""The Kubeflow SDK's own client works against the server unchanged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.playground.kubeflow.package import NOTHING, pipeline
from tests.playground.kubeflow.server import Server


def test_kfp_client_uploads_runs_lists_and_terminates(kubeflow: Server, tmp_path: Path) -> None:
    package = tmp_path / "package.yaml"
    package.write_text(json.dumps(pipeline(NOTHING)))
    python = kubeflow.instance.repo / "pipelines" / ".venv" / "bin" / "python"
    command = [str(python), "-P", str(Path(__file__).with_name("kfp_client.py")), kubeflow.url, str(package)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said.pop("canceled") in ("CANCELING", "CANCELED")
    assert said == {
        "id by name": True,
        "versions": 2,
        "same experiment": True,
        "ended": ["SUCCEEDED", "SUCCEEDED"],
        "pages": True,
        "last page": None,
        "in experiment": 2,
        "archived": "ARCHIVED",
        "healthy": "database",
    }
