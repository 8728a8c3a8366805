"""Latency of the playground's model server at a steady rate of single-row requests, the server on one core.

    .venv/bin/python benchmarks/modelserver_latency.py [requests per second, default 300] [seconds, default 20]

Prints what the clients saw and how much of its core the server used. Found on 2 shared cores, 2026-11-21, at 300/s:
p50 1.4 ms, p95 2.9 ms, p99 4.7 ms, 31 % of the core.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from modelwright_playground.child import dies_with_parent

REPO = Path(__file__).resolve().parents[1]
ML_PYTHON = str(REPO / "pipelines/.venv/bin/python")
ENV = {**os.environ, "PYTHONPATH": f"{REPO}/playground:{REPO}/pipelines"}
START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Return once the URL answers 200; RuntimeError if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"no answer within {START_SECONDS} s: {url}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(rate: int, seconds: int) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        lake, model = Path(folder) / "lake", Path(folder) / "model"
        load = [sys.executable, "-m", "modelwright_playground.load"]
        subprocess.run([*load, "prefill", "--lake", str(lake)], check=True, env=ENV)
        make = [ML_PYTHON, "-m", "modelwright_pipelines.make_model", "--data", lake.as_uri(), "--out", str(model)]
        subprocess.run(make, check=True, env=ENV, stdout=subprocess.DEVNULL)
        try:
            port, control = free_port(), free_port()
            settings = {"MODEL_URI": model.as_uri(), "MODEL_NAME": "churn", "PORT": str(port)}
            labels = {"LABELS_URI": (lake / "labelled/rows.jsonl").as_uri()}
            command = [ML_PYTHON, "-m", "modelwright_playground.modelserver"]
            server = subprocess.Popen(command, env={**ENV, **settings, **labels}, preexec_fn=dies_with_parent())
            processes.append(server)
            os.sched_setaffinity(server.pid, {min(os.sched_getaffinity(0))})
            wait_for(f"http://127.0.0.1:{port}/v2/health/ready")
            target = ["--gateway", f"http://127.0.0.1:{port}", "--model", "churn", "--lake", str(lake)]
            arguments = ["--control", f"127.0.0.1:{control}", "--rate", str(rate), "--seed", "1"]
            processes.append(subprocess.Popen([*load, *target, *arguments], env=ENV, preexec_fn=dies_with_parent()))
            wait_for(f"http://127.0.0.1:{control}/stats")
            before = cpu_seconds(server.pid)
            time.sleep(seconds)
            used = (cpu_seconds(server.pid) - before) / seconds
            with urllib.request.urlopen(f"http://127.0.0.1:{control}/stats") as answer:
                seen = json.load(answer)
            print(f"{seen['recent']['ok'] / seen['recent']['seconds']:g} answers/s, latency (ms) {seen['latencyMs']}")
            print(f"failed {seen['total']['failed']}, server used {used:.0%} of one core")
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:3], *("300", "20")[len(sys.argv) - 1 :])))
