"""The demo, as somebody runs it who has just cloned the repository. The last of all tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.leftovers import processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Played:
    """One whole demo: what it said, what it reported, and the folder below which it kept its files."""

    code: int
    said: str
    report: dict[str, Any]
    picture: Path
    folder: Path


@pytest.fixture(scope="module")
def played(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Played:
    here = tmp_path_factory.mktemp("demo")
    folder, report = here / "tmp", here / "report.json"
    folder.mkdir()
    command = [sys.executable, "-m", "modelwright_playground.demo", "--plain", "--report", str(report)]
    demo = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Played(
        demo.returncode,
        demo.stdout,
        json.loads(report.read_text()) if report.exists() else {},
        report.with_suffix(".png"),
        folder,
    )


@pytest.mark.timeout(1500)
def test_every_expectation_holds_and_has_its_evidence(played: Played) -> None:
    assert played.code == 0, played.said
    assert played.report["ok"] is True
    expectations = played.report["expectations"]
    assert len(expectations) >= 10
    for expectation in expectations:
        assert expectation["ok"] is True, expectation
        assert expectation["name"], expectation
        assert expectation["evidence"], expectation


def test_the_timeline_tells_the_story_in_its_order(played: Played) -> None:
    timeline = played.report["timeline"]
    times = [datetime.fromisoformat(moment["at"]) for moment in timeline]
    assert times == sorted(times)
    told = [moment["what"] for moment in timeline]
    story = [
        "ConceptDrift",
        "Triggered",
        "PipelineRunStarted",
        "RolloutStarted",
        "WeightRaised",
        "Promoted",
        "RolledBack",
    ]
    places = [told.index(what, told.index("ConceptDrift") if what != "ConceptDrift" else 0) for what in story]
    assert places == sorted(places)
    assert [moment["candidate"] for moment in played.report["weights"]] == [0, 10, 50, 100, 0, 10, 0]


def test_exactly_one_pipeline_ran_and_it_succeeded(played: Played) -> None:
    assert [run["state"] for run in played.report["pipelineRuns"]] == ["SUCCEEDED"]


def test_the_rollback_is_measured_on_live_traffic(played: Played) -> None:
    rollback = played.report["rollback"]
    assert rollback["secondsFromFirstFailingSample"] is not None
    assert rollback["failedRequests"] > 0


def test_no_request_to_a_good_model_failed(played: Played) -> None:
    assert played.report["requests"]["failed"] == played.report["rollback"]["failedRequests"]


def test_a_picture_is_left_and_nothing_else(played: Played) -> None:
    assert played.picture.read_bytes().startswith(PNG)
    assert list(played.folder.iterdir()) == []
    assert processes_of(played.folder) == {}


def test_it_says_what_to_look_at_next(played: Played) -> None:
    assert "make demo DEMO_ARGS=--keep" in played.said
