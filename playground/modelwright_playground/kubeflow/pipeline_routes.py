"""Routes of pipelines and versions, among them the two uploads that the Kubeflow SDK uses."""

from __future__ import annotations

from typing import Any

from aiohttp import BodyPartReader, web

from modelwright_playground.kubeflow.bodies import json_body, struct, text
from modelwright_playground.kubeflow.database import Database, present
from modelwright_playground.kubeflow.errors import ApiError, invalid
from modelwright_playground.kubeflow.listing import page
from modelwright_playground.kubeflow.pipelines import PIPELINES, VERSIONS, Pipelines, pipeline_to_api, version_to_api
from modelwright_playground.kubeflow.specs import LARGEST_PACKAGE, checked, read_package

_BASE = "/apis/v2beta1/pipelines"
_TEXTS = ("name", "display_name", "description", "code_source_url")


class PipelineRoutes:
    """Answers from the pipelines of the database."""

    def __init__(self, database: Database, pipelines: Pipelines) -> None:
        self._database = database
        self._pipelines = pipelines

    def routes(self) -> list[web.RouteDef]:
        """All routes of this room. The fixed ones come first: aiohttp takes the first that fits."""
        version = _BASE + "/{id}/versions/{version}"
        return [
            web.post(_BASE + "/upload", self._upload),
            web.post(_BASE + "/upload_version", self._upload_version),
            web.post(_BASE + "/create", self._create_with_version),
            web.get(_BASE + "/names/{name}", self._by_name),
            web.post(_BASE, self._create),
            web.get(_BASE, self._list),
            web.get(_BASE + "/{id}", self._get),
            web.delete(_BASE + "/{id}", self._delete),
            web.post(_BASE + "/{id}/versions", self._create_version),
            web.get(_BASE + "/{id}/versions", self._list_versions),
            web.get(version, self._get_version),
            web.delete(version, self._delete_version),
        ]

    async def _upload(self, request: web.Request) -> web.Response:
        try:
            spec, filename = await _uploaded(request)
            name = request.query.get("name") or request.query.get("display_name") or filename
            given = {**_query_texts(request), "name": name}
            created = self._pipelines.create(
                name, given["display_name"], given["description"], request.query.get("namespace", "")
            )
            self._pipelines.create_version(created, spec, given)
        except ApiError as error:
            return web.json_response(error.upload_body(), status=error.status)
        return web.json_response(pipeline_to_api(self._pipelines.get(created)))

    async def _upload_version(self, request: web.Request) -> web.Response:
        try:
            spec, filename = await _uploaded(request)
            name = request.query.get("name") or request.query.get("display_name") or filename
            pipeline_id = request.query.get("pipelineid", "")
            if not pipeline_id:
                raise invalid("Failed to create a pipeline version: pipelineid is empty")
            created = self._pipelines.create_version(pipeline_id, spec, {**_query_texts(request), "name": name})
        except ApiError as error:
            return web.json_response(error.upload_body(), status=error.status)
        return web.json_response(version_to_api(self._pipelines.version(pipeline_id, created)))

    async def _create(self, request: web.Request) -> web.Response:
        return web.json_response(pipeline_to_api(self._pipelines.get(self._created(await json_body(request)))))

    async def _create_with_version(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        version = struct(body, "pipeline_version")
        spec = checked(version.get("pipeline_spec"))
        created = self._created(struct(body, "pipeline"))
        given = {name: text(version, name) for name in _TEXTS}
        given["name"] = given["name"] or str(spec["pipelineInfo"]["name"])
        self._pipelines.create_version(created, spec, given)
        return web.json_response(pipeline_to_api(self._pipelines.get(created)))

    def _created(self, body: dict[str, Any]) -> str:
        name = text(body, "name") or text(body, "display_name")
        return self._pipelines.create(
            name, text(body, "display_name"), text(body, "description"), text(body, "namespace")
        )

    async def _by_name(self, request: web.Request) -> web.Response:
        found = self._pipelines.by_name(request.match_info["name"], request.query.get("namespace", ""))
        return web.json_response(pipeline_to_api(found))

    async def _list(self, request: web.Request) -> web.Response:
        scope = {"namespace": request.query["namespace"]} if request.query.get("namespace") else {}
        found = page(self._database, PIPELINES, request.query, scope)
        rows = [pipeline_to_api(row) for row in found.rows]
        return web.json_response(
            present({"pipelines": rows, "total_size": found.total, "next_page_token": found.next_token})
        )

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(pipeline_to_api(self._pipelines.get(request.match_info["id"])))

    async def _delete(self, request: web.Request) -> web.Response:
        self._pipelines.delete(request.match_info["id"], request.query.get("cascade", "").lower() == "true")
        return web.json_response({})

    async def _create_version(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        pipeline_id = request.match_info["id"]
        given = {name: text(body, name) for name in _TEXTS}
        given["name"] = given["name"] or given["display_name"]
        created = self._pipelines.create_version(pipeline_id, checked(body.get("pipeline_spec")), given)
        return web.json_response(version_to_api(self._pipelines.version(pipeline_id, created)))

    async def _list_versions(self, request: web.Request) -> web.Response:
        pipeline_id = request.match_info["id"]
        self._pipelines.get(pipeline_id)
        found = page(self._database, VERSIONS, request.query, {"pipeline_id": pipeline_id})
        rows = [version_to_api(row) for row in found.rows]
        return web.json_response(
            present({"pipeline_versions": rows, "total_size": found.total, "next_page_token": found.next_token})
        )

    async def _get_version(self, request: web.Request) -> web.Response:
        found = self._pipelines.version(request.match_info["id"], request.match_info["version"])
        return web.json_response(version_to_api(found))

    async def _delete_version(self, request: web.Request) -> web.Response:
        self._pipelines.delete_version(request.match_info["id"], request.match_info["version"])
        return web.json_response({})


def _query_texts(request: web.Request) -> dict[str, str]:
    return {name: request.query.get(name, "") for name in _TEXTS}


async def _uploaded(request: web.Request) -> tuple[dict[str, Any], str]:
    """The spec in the multipart field `uploadfile`, and the file's name."""
    if not request.content_type.startswith("multipart/"):
        found = request.content_type
        raise invalid(f"Failed to read pipeline from file: found content type {found}, need multipart/form-data")
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "uploadfile":
            content = bytearray()
            while chunk := await part.read_chunk():
                content += chunk
                if len(content) > LARGEST_PACKAGE:
                    break
            return read_package(bytes(content)), part.filename or ""
    raise invalid("Failed to read pipeline from file: need the form field uploadfile")
