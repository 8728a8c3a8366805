"""The playground's Kubeflow server as a process, as the supervisor starts it, and the official client of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kfp_server_api

from modelwright_playground.instance import Instance

FINAL = ("SUCCEEDED", "FAILED", "CANCELED")


class Server:
    """A server over the folder `dir`; it can be stopped and started again over the same folder."""

    def __init__(self, dir: Path) -> None:
        self.instance = Instance.create("test", dir)
        self.process = self._started()
        self.client = kfp_server_api.ApiClient(kfp_server_api.Configuration(host=self.url))
        self.runs = kfp_server_api.RunServiceApi(self.client)
        self.pipelines = kfp_server_api.PipelineServiceApi(self.client)
        self.uploads = kfp_server_api.PipelineUploadServiceApi(self.client)
        self.experiments = kfp_server_api.ExperimentServiceApi(self.client)

    @property
    def url(self) -> str:
        return self.instance.kubeflow_url

    def create_run(self, spec: dict[str, Any], name: str = "run", **parameters: Any) -> str:
        """Starts a run of an inline spec and returns its id."""
        run = {"display_name": name, "pipeline_spec": spec, "runtime_config": {"parameters": parameters}}
        created = self.runs.run_service_create_run(run)
        return str(created.run_id)

    def ended(self, run_id: str, seconds: float = 240) -> Any:
        """The run, once it has ended."""
        deadline = time.monotonic() + seconds
        while (run := self.runs.run_service_get_run(run_id)).state not in FINAL:
            assert time.monotonic() < deadline, f"run {run_id} is still {run.state} after {seconds} s"
            time.sleep(0.1)
        return run

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server's process, and waits for its end."""
        self.process.send_signal(number)
        self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()

    def restart(self) -> None:
        """Starts the server again, after `stop`."""
        self.process = self._started()

    def close(self) -> None:
        """Leaves nothing behind."""
        self.client.close()
        if self.process.poll() is None:
            self.stop()

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "modelwright_playground.kubeflow", "--dir", str(self.instance.dir)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout
        line = process.stdout.readline()
        assert "serving on" in line, line + process.stdout.read()
        return process
