"""Routes of experiments: groups of runs. A run that names none belongs to "Default"."""

from __future__ import annotations

import sqlite3

from aiohttp import web

from modelwright_playground.kubeflow.bodies import json_body, text
from modelwright_playground.kubeflow.database import Database, new_id, now, present, rfc3339
from modelwright_playground.kubeflow.errors import exists, invalid, not_found
from modelwright_playground.kubeflow.listing import Listable, page

DEFAULT = "Default"
LISTABLE = Listable(
    "experiments",
    "experiment_id",
    {
        "experiment_id": "experiment_id",
        "id": "experiment_id",
        "display_name": "display_name",
        "name": "display_name",
        "description": "description",
        "namespace": "namespace",
        "storage_state": "storage_state",
        "created_at": "created_at",
        "last_run_created_at": "last_run_created_at",
    },
)


class Experiments:
    """The experiments of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[web.RouteDef]:
        """All routes of this room."""
        base = "/apis/v2beta1/experiments"
        return [
            web.post(base, self._create),
            web.get(base, self._list),
            web.get(base + "/{id}", self._get),
            web.delete(base + "/{id}", self._delete),
            # A colon is part of the last segment: aiohttp would otherwise take it as part of the id.
            web.post(base + "/{id:[^/:]+}:archive", self._archive),
            web.post(base + "/{id:[^/:]+}:unarchive", self._unarchive),
        ]

    def get(self, experiment_id: str) -> sqlite3.Row:
        """The experiment; ApiError if there is none."""
        rows = self._database.query("SELECT * FROM experiments WHERE experiment_id = ?", experiment_id)
        if not rows:
            raise not_found("Experiment", experiment_id)
        return rows[0]

    def for_run(self, experiment_id: str) -> str:
        """The id of the experiment that a new run belongs to, made if it is the default one; notes the run's time."""
        if not experiment_id:
            found = self._database.query("SELECT experiment_id FROM experiments WHERE display_name = ?", DEFAULT)
            experiment_id = found[0][0] if found else self.create(DEFAULT, "All runs without an experiment", "")
        self.get(experiment_id)
        sql = "UPDATE experiments SET last_run_created_at = ? WHERE experiment_id = ?"
        self._database.execute(sql, now(), experiment_id)
        return experiment_id

    def create(self, name: str, description: str, namespace: str) -> str:
        """Adds an experiment and returns its id; ApiError if the name is empty or taken."""
        if not name:
            raise invalid("Failed to create an experiment: display_name is empty")
        row: dict[str, str | int] = {
            "experiment_id": new_id(),
            "display_name": name,
            "description": description,
            "namespace": namespace,
            "created_at": now(),
            "storage_state": "AVAILABLE",
        }
        try:
            self._database.insert("experiments", row)
        except sqlite3.IntegrityError:
            raise exists(f"Failed to create a new experiment. The name {name} already exists") from None
        return str(row["experiment_id"])

    async def _create(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        created = self.create(text(body, "display_name"), text(body, "description"), text(body, "namespace"))
        return web.json_response(_to_api(self.get(created)))

    async def _list(self, request: web.Request) -> web.Response:
        scope = {"namespace": request.query["namespace"]} if request.query.get("namespace") else {}
        found = page(self._database, LISTABLE, request.query, scope)
        answer = {
            "experiments": [_to_api(row) for row in found.rows],
            "total_size": found.total,
            "next_page_token": found.next_token,
        }
        return web.json_response(present(answer))

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(_to_api(self.get(request.match_info["id"])))

    async def _delete(self, request: web.Request) -> web.Response:
        self.get(request.match_info["id"])
        self._database.execute("DELETE FROM experiments WHERE experiment_id = ?", request.match_info["id"])
        return web.json_response({})

    async def _archive(self, request: web.Request) -> web.Response:
        self._store(request.match_info["id"], "ARCHIVED")
        return web.json_response({})

    async def _unarchive(self, request: web.Request) -> web.Response:
        self._store(request.match_info["id"], "AVAILABLE")
        return web.json_response({})

    def _store(self, experiment_id: str, state: str) -> None:
        self.get(experiment_id)
        self._database.execute("UPDATE experiments SET storage_state = ? WHERE experiment_id = ?", state, experiment_id)
        if state == "ARCHIVED":
            # An archived experiment takes its runs along; restoring it does not bring them back, as in Kubeflow.
            self._database.execute("UPDATE runs SET storage_state = ? WHERE experiment_id = ?", state, experiment_id)


def _to_api(row: sqlite3.Row) -> dict[str, object]:
    document: dict[str, object] = dict(row)
    times = {name: rfc3339(row[name]) for name in ("created_at", "last_run_created_at")}
    return present({**document, **times})
