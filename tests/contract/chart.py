"""Runs the real helm on our chart."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml
from tests.contract.schema import ROOT

from modelwright_playground.controlplane.build import binary

CHART = ROOT / "charts" / "modelwright"
RELEASE = "modelwright"


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What helm said; its exit code is the caller's to judge."""
    return subprocess.run([binary("helm"), *arguments], capture_output=True, text=True)


def rendered(namespace: str, *options: str, release: str = RELEASE) -> list[dict[str, Any]]:
    """The objects of a release. AssertionError where helm refuses the values."""
    told = helm("template", release, CHART, "--namespace", namespace, *options)
    assert told.returncode == 0, told.stderr
    return [body for body in yaml.safe_load_all(told.stdout) if body]


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [body for body in objects if body["kind"] == kind]
    return found
