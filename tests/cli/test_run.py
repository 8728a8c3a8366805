"""`modelwright run`: what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from modelwright.cli.main import main


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (None, "--config: cannot be read"),
        ("a: [", "--config: is not YAML at line 1"),
        ("- a", "must be a mapping with metricSources and pipelineServers"),
        ("metricSauces: []", "metricSauces: is not known; known are"),
    ],
)
def test_refuses_a_configuration_and_says_why(tmp_path: Path, written: str | None, said: str) -> None:
    path = tmp_path / "config.yaml"
    if written is not None:
        path.write_text(written)
    result = CliRunner().invoke(main, ["run", "--config", str(path)])
    assert result.exit_code == 1
    assert said in result.output


def test_says_that_no_cluster_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("metricSources: []")
    silent = ["--metrics-port", "0", "--health-port", "0"]
    result = CliRunner().invoke(main, ["run", "--config", str(path), "--kubeconfig", str(tmp_path / "none"), *silent])
    assert result.exit_code == 1
    assert "no cluster is configured" in result.output
