"""Kubernetes access: plain dictionaries in and out over the official asyncio client, without its 126 MB of models.

Trap: `kubernetes.aio.client` imports its models lazily; only `ApiClient` and `Configuration` may be named here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import DynamicApiError

from modelwright.cluster.keys import Kind
from modelwright.errors import Conflict, InvalidSpec, ModelwrightError, Unavailable

Object = dict[str, Any]

FIELD_MANAGER = "modelwright"
REQUEST_TIMEOUT = 15.0


class Forbidden(ModelwrightError):
    """The API server refuses this to our service account: the chart's RBAC and this call disagree."""


class ResourceExpired(ModelwrightError):
    """A watch started too far in the past: list again."""


class Cluster:
    """One connection to one API server. Every method raises Conflict, InvalidSpec, Forbidden or Unavailable."""

    def __init__(self, api_client: ApiClient) -> None:
        self._api = api_client
        self._dynamic = DynamicClient(api_client)

    @classmethod
    async def connect(cls, kubeconfig: str | None = None, context: str | None = None) -> Cluster:
        """Connect with `kubeconfig`, else the pod's service account, else KUBECONFIG or the user's default.

        A named `context` is one of a kubeconfig, never the pod's.
        """
        return cls(ApiClient(configuration=await _load(kubeconfig, context)))

    async def close(self) -> None:
        await self._api.close()

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """One object, or None where there is none (also where its kind is not installed)."""
        try:
            return await self._request("get", kind.path(namespace, name))
        except (_NotFound, NotInstalled):
            return None

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        """All objects that carry `labels`; an empty list where the kind is not installed."""
        selector = ",".join(f"{k}={v}" for k, v in labels.items()) if labels else None
        try:
            answer = await self._request("get", kind.path(namespace), label_selector=selector)
        except (_NotFound, NotInstalled):
            return []
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in answer.get("items", [])]

    async def create(self, kind: Kind, body: Object, *, dry_run: bool = False, strict: bool = False) -> Object:
        """Create `body`; Conflict when it exists already. `strict` refuses unknown fields as InvalidSpec."""
        namespace = body.get("metadata", {}).get("namespace")
        path = kind.path(namespace)
        validation = [("fieldValidation", "Strict")] if strict else []
        return await self._request(
            "post", path, body=body, field_manager=FIELD_MANAGER, dry_run=_all(dry_run), query_params=validation
        )

    async def apply(
        self, kind: Kind, body: Object, *, manager: str = FIELD_MANAGER, force: bool = True, dry_run: bool = False
    ) -> Object:
        """Server-side apply of exactly the fields in `body` (apiVersion, kind and name included)."""
        metadata = body["metadata"]
        return await self._request(
            "patch",
            kind.path(metadata.get("namespace"), metadata["name"]),
            body=body,
            content_type="application/apply-patch+yaml",
            field_manager=manager,
            force_conflicts=str(force).lower(),
            dry_run=_all(dry_run),
        )

    async def json_patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        operations: Sequence[Object],
        *,
        manager: str = FIELD_MANAGER,
        strict: bool = False,
    ) -> Object:
        """A guarded edit: a failing `test` operation is a Conflict. `strict` refuses unknown fields as InvalidSpec."""
        return await self._request(
            "patch",
            kind.path(namespace, name),
            body=list(operations),
            content_type="application/json-patch+json",
            field_manager=manager,
            query_params=[("fieldValidation", "Strict")] if strict else [],
        )

    async def merge_patch(
        self, kind: Kind, namespace: str | None, name: str, body: Object, subresource: str | None = None
    ) -> Object:
        return await self._request(
            "patch",
            kind.path(namespace, name, subresource),
            body=body,
            content_type="application/merge-patch+json",
            field_manager=FIELD_MANAGER,
        )

    async def replace(self, kind: Kind, body: Object, subresource: str | None = None) -> Object:
        """Replace the object, or only its `subresource`; Conflict when resourceVersion is stale."""
        metadata = body["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], subresource)
        return await self._request("put", path, body=body, field_manager=FIELD_MANAGER)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> bool:
        """Delete the object (only the one with `uid`, if given). False where there was none.

        `grace_seconds` is for pods: 0 is how a node says that the processes are gone.
        """
        options: Object = {"propagationPolicy": propagation}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._request("delete", kind.path(namespace, name), body=options)
        except _NotFound:
            return False
        return True

    async def raw(self, method: str, path: str, body: Any = None) -> Object:
        """Any other path: subresources such as `token`, and non-resource paths such as /version."""
        return await self._request(method, path, body=body)

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server has this kind, in this version."""
        path = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        try:
            resources = (await self._request("get", path)).get("resources", [])
        except (_NotFound, NotInstalled):
            return False
        return any(resource["name"] == kind.plural for resource in resources)

    async def watch(
        self, kind: Kind, namespace: str | None = None, resource_version: str | None = None, timeout: int = 300
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield (ADDED | MODIFIED | DELETED, object) until the server ends the stream after `timeout` seconds.

        Without `resource_version` the stream begins with an ADDED for every existing object. ResourceExpired asks
        the caller to list again. Bookmarks are not passed on.
        """
        query = [("watch", "true"), ("timeoutSeconds", str(timeout)), ("allowWatchBookmarks", "true")]
        if resource_version:
            query.append(("resourceVersion", resource_version))
        request = await self._api.param_serialize(
            "GET",
            kind.path(namespace),
            path_params={},
            query_params=query,
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer = (await self._api.call_api(*request, _request_timeout=timeout + 15)).response
            if answer.status == 410:
                raise ResourceExpired(f"watch of {kind.plural} starts too far in the past")
            if answer.status != 200:
                raise Unavailable(f"watch of {kind.plural} answered {answer.status}")
            buffer = b""
            async for chunk in answer.content.iter_any():
                buffer += chunk
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        if event["object"].get("code") == 410:
                            raise ResourceExpired(f"watch of {kind.plural} fell behind")
                        raise Unavailable(f"watch of {kind.plural} failed with {event['object'].get('code')}")
                    if event["type"] != "BOOKMARK":
                        yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"watch of {kind.plural} broke: {type(error).__name__}") from error

    async def _request(self, method: str, path: str, **params: Any) -> Object:
        params = {k: v for k, v in params.items() if v is not None}
        # The client keeps default arguments between calls unless each call brings its own.
        params = {"query_params": [], **params, "header_params": {}, "path_params": {}}
        try:
            answer = await self._dynamic.request(
                method, path, serialize=False, _request_timeout=REQUEST_TIMEOUT, **params
            )
            result: Object = await answer.json()
            return result
        except DynamicApiError as error:
            raise _translate(error, method, path) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the API server did not answer {method} {path}: {type(error).__name__}") from error


@dataclass(frozen=True)
class Credentials:
    """How to reach the API server, for those who bring a client of their own."""

    server: str
    ca_path: str | None
    certificate_path: str | None
    private_key_path: str | None
    token: str | None


async def credentials(kubeconfig: str | None = None) -> Credentials:
    """The credentials that `Cluster.connect` would use now; tokens are read afresh. InvalidSpec without any."""
    found = await _load(kubeconfig)
    token: str | None = await found.get_api_key_with_prefix("BearerToken")
    return Credentials(
        found.host, found.ssl_ca_cert, found.cert_file, found.key_file, token.removeprefix("Bearer ") if token else None
    )


async def _load(kubeconfig: str | None, context: str | None = None) -> Configuration:
    configuration = Configuration()
    try:
        if kubeconfig or context:
            await config.load_kube_config(kubeconfig, context, client_configuration=configuration)
        else:
            try:
                config.load_incluster_config(client_configuration=configuration)
            except config.ConfigException:
                await config.load_kube_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise InvalidSpec("--kubeconfig", "no cluster is configured: name a kubeconfig, or run in a pod") from error
    return configuration


class NotInstalled(ModelwrightError):
    """The API server does not know this kind: its CustomResourceDefinition is missing."""


class _NotFound(Conflict):
    """For a reader there is nothing; for a writer the object went away since it was read."""


def _all(dry_run: bool) -> str | None:
    return "All" if dry_run else None


NOT_APPLICABLE = "the server rejected our request due to an error in our request"
"""All that an API server says where an operation of a JSON Patch does not fit the object: what is invalid is named."""

DENIED = 'admission webhook "'
"""How the API server begins to tell that a webhook refused an object."""


def _translate(error: DynamicApiError, method: str, path: str) -> ModelwrightError:
    message = _message(error)
    match error.status:
        case 404:
            # TRAP: for a path that nobody serves the API server answers plain text, no Status that names an object.
            if not _is_status(error) or "could not find the requested resource" in message:
                return NotInstalled(f"the API server does not serve {path.split('/namespaces/')[0]}")
            return _NotFound(f"{path}: not found")
        case 409:
            return Conflict(message)
        case 400 | 422:
            # TRAP: a failed `test`, and an operation on what is gone, are 422 too, but mean that the object changed.
            return Conflict(message) if message == NOT_APPLICABLE else InvalidSpec("", message)
        case 401 | 403:
            # TRAP: a webhook that denies and names no code does so with 403. It is the object that is refused, not we.
            return InvalidSpec("", message) if message.startswith(DENIED) else Forbidden(message)
        case status:
            return Unavailable(f"the API server answered {method} {path} with {status}")


def _is_status(error: DynamicApiError) -> bool:
    return _said(error) is not None


def _message(error: DynamicApiError) -> str:
    return _said(error) or f"the API server answered {error.status}"


def _said(error: DynamicApiError) -> str | None:
    """The message of the Status that an API server answers with; None where the answer is none."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return None
