"""What the demo leaves: `demo-report.json`, and a picture of accuracy, weights and errors over time."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright_playground.demo.expectations import Expectations
from modelwright_playground.demo.witness import Witness


def write_report(
    path: Path,
    expectations: Expectations,
    witness: Witness,
    pipeline_runs: list[dict[str, Any]],
    rollback: dict[str, Any],
    seconds: dict[str, float],
) -> None:
    report = {
        "ok": expectations.all_hold,
        "expectations": [asdict(expectation) for expectation in expectations.decided],
        "timeline": [{"at": _time(m.at), "what": m.what, "says": m.says} for m in witness.moments],
        "weights": [{"at": _time(at), "candidate": weight} for at, weight in witness.weights],
        "pipelineRuns": pipeline_runs,
        "rollback": rollback,
        "requests": {key: witness.stats.get("total", {}).get(key) for key in ("sent", "ok", "failed", "failedBy")},
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
