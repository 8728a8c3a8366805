"""Runs as rows: creation, the history of their states, and how the API shows them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelwright_playground.kubeflow.database import Database, new_id, now, present, rfc3339
from modelwright_playground.kubeflow.errors import INTERNAL, not_found
from modelwright_playground.kubeflow.listing import Listable

PENDING, RUNNING, CANCELING = "PENDING", "RUNNING", "CANCELING"
SUCCEEDED, FAILED, CANCELED = "SUCCEEDED", "FAILED", "CANCELED"
FINAL = (SUCCEEDED, FAILED, CANCELED)

_SHOWN = ("experiment_id", "run_id", "display_name", "storage_state", "description", "service_account", "state")

LISTABLE = Listable(
    "runs",
    "run_id",
    {
        "run_id": "run_id",
        "id": "run_id",
        "display_name": "display_name",
        "name": "display_name",
        "description": "description",
        "namespace": "namespace",
        "experiment_id": "experiment_id",
        "storage_state": "storage_state",
        "state": "state",
        "status": "state",
        "created_at": "created_at",
        "scheduled_at": "scheduled_at",
        "finished_at": "finished_at",
    },
)


class Runs:
    """The runs of the database; `folder` holds a folder per run, with its log and what its process left."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def folder(self, run_id: str) -> Path:
        """Where the run's process works, and its log lies."""
        return self._folder / run_id

    def create(self, given: Mapping[str, str], spec: Mapping[str, Any], runtime: Mapping[str, Any]) -> str:
        """Adds a pending run and returns its id. `given` are the text columns that the caller decides."""
        run_id, created = new_id(), now()
        row: dict[str, str | int] = {
            **given,
            "run_id": run_id,
            "storage_state": "AVAILABLE",
            "created_at": created,
            "scheduled_at": created,
            "state": PENDING,
            "state_history": json.dumps([{"update_time": rfc3339(created), "state": PENDING}]),
            "pipeline_spec": json.dumps(spec),
            "runtime_config": json.dumps(runtime),
        }
        self._database.insert("runs", row)
        return run_id

    def get(self, run_id: str) -> sqlite3.Row:
        """The run; ApiError if there is none."""
        rows = self._database.query("SELECT * FROM runs WHERE run_id = ?", run_id)
        if not rows:
            raise not_found("Run", run_id)
        return rows[0]

    def state(self, run_id: str) -> str:
        """The run's state, "" if there is no such run (any more)."""
        rows = self._database.query("SELECT state FROM runs WHERE run_id = ?", run_id)
        return str(rows[0]["state"]) if rows else ""

    def in_state(self, state: str) -> list[str]:
        """The ids of all runs in this state, oldest first."""
        rows = self._database.query("SELECT run_id FROM runs WHERE state = ? ORDER BY number", state)
        return [row["run_id"] for row in rows]

    def move(self, run_id: str, state: str, error: str = "") -> None:
        """Sets the state and adds it to the history; a run that was deleted meanwhile stays deleted."""
        if not self.state(run_id):
            return
        entry = present({"update_time": rfc3339(now()), "state": state, "error": _error(error)})
        history = [*json.loads(self.get(run_id)["state_history"]), entry]
        self._database.execute(
            "UPDATE runs SET state = ?, error = ?, finished_at = ?, state_history = ? WHERE run_id = ?",
            state,
            error,
            now() if state in FINAL else 0,
            json.dumps(history),
            run_id,
        )

    def store(self, run_id: str, storage_state: str) -> None:
        """Archives (ARCHIVED) or restores (AVAILABLE) a run."""
        self._database.execute("UPDATE runs SET storage_state = ? WHERE run_id = ?", storage_state, run_id)

    def delete(self, run_id: str) -> None:
        """Forgets a run; its folder is not ours to remove while its process may write there."""
        self._database.execute("DELETE FROM runs WHERE run_id = ?", run_id)

    def to_api(self, row: sqlite3.Row) -> dict[str, object]:
        """The run as the API shows it. As in Kubeflow, nothing of what its tasks put out."""
        reference = present({name: row[name] for name in ("pipeline_id", "pipeline_version_id")})
        return present(
            {
                **{name: row[name] for name in _SHOWN},
                "pipeline_spec": {} if reference else json.loads(row["pipeline_spec"]),
                "pipeline_version_reference": reference,
                "runtime_config": present(json.loads(row["runtime_config"])),
                **{name: rfc3339(row[name]) for name in ("created_at", "scheduled_at", "finished_at")},
                "error": _error(row["error"]),
                "run_details": present({"task_details": self._task_details(row["run_id"])}),
                "state_history": json.loads(row["state_history"]),
            }
        )

    def _task_details(self, run_id: str) -> list[dict[str, object]]:
        try:
            tasks = json.loads((self.folder(run_id) / "tasks.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [
            present(
                {
                    "run_id": run_id,
                    "task_id": f"{run_id}-{number}",
                    "display_name": task["name"],
                    "create_time": rfc3339(int(task["start"])),
                    "start_time": rfc3339(int(task["start"])),
                    "end_time": rfc3339(int(task["end"])),
                    "state": task["state"],
                    "error": _error(task["error"]),
                }
            )
            for number, task in enumerate(tasks)
        ]


def _error(message: str) -> dict[str, object]:
    return {"code": INTERNAL, "message": message} if message else {}
