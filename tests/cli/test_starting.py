"""The command line answers at once: what it does not need, it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from modelwright.cli import kubectl, main

HEAVY = ("kubernetes", "aiohttp", "kopf", "rich", "requests", "prometheus_api_client", "kfp_server_api", "fsspec")


@pytest.mark.parametrize("module", ["modelwright.cli.main", "modelwright.cli.kubectl"])
def test_no_client_is_loaded_before_a_command_needs_one(module: str) -> None:
    program = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_the_plugin_is_the_same_as_modelwright_rollout() -> None:
    plugin = CliRunner().invoke(kubectl.main, ["--help"]).output
    group = CliRunner().invoke(main.main, ["rollout", "--help"]).output
    assert plugin.splitlines()[1:] == group.splitlines()[1:]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["status", "churn", "--timeout", "soon"], "--timeout"),
        (["get", "churn", "-A"], "a rollout has one namespace"),
        (["promote"], "Missing argument 'NAME'"),
    ],
)
def test_what_was_typed_wrong_is_said_before_any_cluster_is_asked(arguments: list[str], says: str) -> None:
    told = CliRunner().invoke(kubectl.main, arguments)
    assert told.exit_code == 2
    assert says in told.stderr
