"""The SQLite file that outlives the API server: experiments, pipelines, their versions and runs.

Times are whole seconds since 1970, as in Kubeflow's own database: two runs of one second have no order but their ids.
No column is ever NULL ("" and 0 stand for "not yet"), so that paging can compare every column.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS experiments (
  experiment_id TEXT PRIMARY KEY, display_name TEXT NOT NULL, description TEXT NOT NULL, namespace TEXT NOT NULL,
  created_at INTEGER NOT NULL, last_run_created_at INTEGER NOT NULL DEFAULT 0, storage_state TEXT NOT NULL,
  UNIQUE (namespace, display_name));
CREATE TABLE IF NOT EXISTS pipelines (
  pipeline_id TEXT PRIMARY KEY, name TEXT NOT NULL, display_name TEXT NOT NULL, description TEXT NOT NULL,
  namespace TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (namespace, name));
CREATE TABLE IF NOT EXISTS pipeline_versions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, pipeline_version_id TEXT NOT NULL UNIQUE, pipeline_id TEXT NOT NULL,
  name TEXT NOT NULL, display_name TEXT NOT NULL, description TEXT NOT NULL, code_source_url TEXT NOT NULL,
  created_at INTEGER NOT NULL, pipeline_spec TEXT NOT NULL, UNIQUE (pipeline_id, name));
CREATE TABLE IF NOT EXISTS runs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, experiment_id TEXT NOT NULL,
  display_name TEXT NOT NULL, description TEXT NOT NULL, namespace TEXT NOT NULL, service_account TEXT NOT NULL,
  storage_state TEXT NOT NULL, created_at INTEGER NOT NULL, scheduled_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, state_history TEXT NOT NULL,
  error TEXT NOT NULL DEFAULT '', pipeline_id TEXT NOT NULL, pipeline_version_id TEXT NOT NULL,
  pipeline_spec TEXT NOT NULL, runtime_config TEXT NOT NULL);
"""


class Database:
    """One connection, used from one thread. Every statement is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_SCHEMA)

    def query(self, sql: str, *values: str | int) -> list[sqlite3.Row]:
        """The rows of a SELECT."""
        return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: str | int) -> int:
        """Runs a statement and returns how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, row: Mapping[str, str | int]) -> None:
        """Adds a row; sqlite3.IntegrityError if a unique column is taken."""
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def new_id() -> str:
    """A random id, as Kubeflow's."""
    return str(uuid.uuid4())


def now() -> int:
    """The time as this database keeps it."""
    return int(time.time())


def rfc3339(seconds: int) -> str:
    """A time as the API writes it; "" for one that has not come."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def present(document: dict[str, object]) -> dict[str, object]:
    """Without empty values: the real API leaves them out, and clients test for None."""
    return {name: value for name, value in document.items() if value not in ("", 0, None, [], {})}
