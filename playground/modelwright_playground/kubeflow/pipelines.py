"""Pipelines and their versions as rows. A pipeline is a name; what runs is a version: the newest, if none is named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from modelwright_playground.kubeflow.database import Database, new_id, now, present, rfc3339
from modelwright_playground.kubeflow.errors import exists, invalid, not_found
from modelwright_playground.kubeflow.listing import Listable
from modelwright_playground.kubeflow.specs import Spec

_KEYS = {name: name for name in ("name", "display_name", "description", "created_at")}
PIPELINES = Listable(
    "pipelines", "pipeline_id", {"pipeline_id": "pipeline_id", "id": "pipeline_id", "namespace": "namespace", **_KEYS}
)
VERSIONS = Listable(
    "pipeline_versions",
    "pipeline_version_id",
    {
        "pipeline_version_id": "pipeline_version_id",
        "id": "pipeline_version_id",
        "pipeline_id": "pipeline_id",
        "code_source_url": "code_source_url",
        **_KEYS,
    },
)


class Pipelines:
    """The pipelines of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, display_name: str, description: str, namespace: str) -> str:
        """Adds a pipeline without a version and returns its id; ApiError if the name is empty or taken."""
        if not name:
            raise invalid("pipeline's name cannot be empty")
        row: dict[str, str | int] = {
            "pipeline_id": new_id(),
            "name": name,
            "display_name": display_name or name,
            "description": description,
            "namespace": namespace,
            "created_at": now(),
        }
        try:
            self._database.insert("pipelines", row)
        except sqlite3.IntegrityError:
            raise exists(f"Failed to create a new pipeline. The name {name} already exists") from None
        return str(row["pipeline_id"])

    def create_version(self, pipeline_id: str, spec: Spec, given: Mapping[str, str]) -> str:
        """Adds a version and returns its id. `given`: name, and where known display_name, description, code_source_url.

        ApiError if there is no such pipeline, or the name is empty or taken within it.
        """
        self.get(pipeline_id)
        if not given["name"]:
            raise invalid("pipeline version's name cannot be empty")
        row: dict[str, str | int] = {
            "pipeline_version_id": new_id(),
            "pipeline_id": pipeline_id,
            "name": given["name"],
            "display_name": given.get("display_name") or given["name"],
            "description": given.get("description", ""),
            "code_source_url": given.get("code_source_url", ""),
            "created_at": now(),
            "pipeline_spec": json.dumps(spec),
        }
        try:
            self._database.insert("pipeline_versions", row)
        except sqlite3.IntegrityError:
            message = (
                f"Failed to create a new pipeline version. The name {given['name']} already exists for the pipeline"
            )
            raise exists(message) from None
        return str(row["pipeline_version_id"])

    def get(self, pipeline_id: str) -> sqlite3.Row:
        """The pipeline; ApiError if there is none."""
        rows = self._database.query("SELECT * FROM pipelines WHERE pipeline_id = ?", pipeline_id)
        if not rows:
            raise not_found("Pipeline", pipeline_id)
        return rows[0]

    def by_name(self, name: str, namespace: str) -> sqlite3.Row:
        """The pipeline of this name; ApiError if there is none."""
        rows = self._database.query("SELECT * FROM pipelines WHERE name = ? AND namespace = ?", name, namespace)
        if not rows:
            raise not_found("Pipeline", name)
        return rows[0]

    def version(self, pipeline_id: str, version_id: str) -> sqlite3.Row:
        """A version, the newest if `version_id` is ""; ApiError if there is none in this pipeline."""
        self.get(pipeline_id)
        # By number and not by created_at, whose seconds two versions may share.
        sql = "SELECT * FROM pipeline_versions WHERE pipeline_id = ?"
        rows = self._database.query(f"{sql} AND pipeline_version_id = ?", pipeline_id, version_id)
        if not version_id:
            rows = self._database.query(f"{sql} ORDER BY number DESC LIMIT 1", pipeline_id)
        if not rows:
            raise not_found("PipelineVersion", version_id or f"of pipeline {pipeline_id}")
        return rows[0]

    def delete(self, pipeline_id: str, cascade: bool) -> None:
        """Deletes a pipeline; ApiError if it has versions and `cascade` is not asked for."""
        self.get(pipeline_id)
        count = self._database.query("SELECT COUNT(*) FROM pipeline_versions WHERE pipeline_id = ?", pipeline_id)[0][0]
        if count and not cascade:
            raise invalid(f"Failed to delete pipeline {pipeline_id} as it has {count} existing pipeline versions")
        self._database.execute("DELETE FROM pipeline_versions WHERE pipeline_id = ?", pipeline_id)
        self._database.execute("DELETE FROM pipelines WHERE pipeline_id = ?", pipeline_id)

    def delete_version(self, pipeline_id: str, version_id: str) -> None:
        """Deletes a version; ApiError if there is none."""
        self.version(pipeline_id, version_id)
        self._database.execute("DELETE FROM pipeline_versions WHERE pipeline_version_id = ?", version_id)


def pipeline_to_api(row: sqlite3.Row) -> dict[str, object]:
    """A pipeline as the API shows it."""
    document: dict[str, object] = dict(row)
    return present({**document, "created_at": rfc3339(row["created_at"])})


def version_to_api(row: sqlite3.Row) -> dict[str, object]:
    """A version as the API shows it, with its spec."""
    document: dict[str, object] = dict(row)
    del document["number"]
    spec = json.loads(row["pipeline_spec"])
    return present({**document, "created_at": rfc3339(row["created_at"]), "pipeline_spec": spec})
