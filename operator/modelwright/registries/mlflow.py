"""Asks an MLflow server over its REST API which version an alias names, and where the files of that version are.

Its calls are `registered-models/alias`, `model-versions/search` (for the newest one) and
`model-versions/get-download-uri`, as in MLflow 2 and 3. The `source` of a version may be a run or a logged model; the
last of them says where its files really are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, overload
from urllib.parse import urlencode

from modelwright.registries.configuration import Registry
from modelwright.registries.publishing import DIGEST_TAG, Exists, Missing, Refused, publish
from modelwright.registries.questions import (
    AliasQuestion,
    AliasTaken,
    NewestQuestion,
    NoVersion,
    PublishedVersion,
    PublishQuestion,
    RegisteredVersion,
)
from modelwright.web.bounded import BoundedClient, Reply, Unreachable

LARGEST_ANSWER = 1 << 20

MAX_SHOWN = 200

# Of a version that comes from no run of MLflow's own.
_NEVER_A_SOURCE = ("file", "http", "https", "models", "runs")
_CODE = re.compile(r"[A-Z_]{1,64}")
_VERSION = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:/[!-~]{1,1000}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Asker:
    """Speaks to the configured registries. Safe to call from many threads."""

    def __init__(self, registries: Mapping[str, Registry]) -> None:
        self._registries = dict(registries)
        self._clients = {
            name: BoundedClient(
                timeout=registry.timeout.total_seconds(), largest=LARGEST_ANSWER, credentials=registry.credentials
            )
            for name, registry in registries.items()
        }

    @overload
    def ask(self, question: AliasQuestion | NewestQuestion) -> RegisteredVersion | NoVersion: ...
    @overload
    def ask(self, question: PublishQuestion) -> PublishedVersion | AliasTaken | NoVersion: ...
    def ask(
        self, question: AliasQuestion | NewestQuestion | PublishQuestion
    ) -> RegisteredVersion | PublishedVersion | AliasTaken | NoVersion:
        """Every failure becomes a value: plans decide what it means."""
        about = f"model registry {question.registry!r}"
        if question.registry not in self._registries:
            return NoVersion("RegistryUnavailable", f"{about} is not configured")
        try:
            if isinstance(question, PublishQuestion):
                return publish(partial(self._call, question.registry), question)
            if isinstance(question, NewestQuestion):
                return self._newest(question)
            return self._version(question)
        except (Missing, Exists):
            alias = "" if isinstance(question, NewestQuestion) else f" with alias {question.alias!r}"
            what = f"no version of model {question.model!r}{alias}"
            return NoVersion("NoRegisteredModel", f"{about} has {what}")
        except Refused as error:
            return NoVersion("RegistryRefused", f"{about} {_refusal(question, str(error))}")
        except PermissionError as error:
            return NoVersion("RegistryForbidden", f"{about} does not let the operator ask ({error})")
        except Unreachable as error:
            return NoVersion("RegistryUnavailable", f"{about}: {error}")

    def _version(self, question: AliasQuestion) -> RegisteredVersion:
        asked = {"name": question.model, "alias": question.alias}
        found = self._get(question.registry, "registered-models/alias", asked).get("model_version")
        if not isinstance(found, dict):
            raise Unreachable("the answer is not one of the MLflow API")
        version = str(found.get("version", ""))
        if found.get("status", "READY") != "READY":
            # Its files are still being copied, or never came.
            raise Missing
        asked = {"name": question.model, "version": version}
        uri = str(self._get(question.registry, "model-versions/get-download-uri", asked).get("artifact_uri", ""))
        if not _VERSION.fullmatch(version) or not _URI.fullmatch(uri):
            raise Unreachable("the version that it names cannot be used: it needs a label and a URI")
        return RegisteredVersion(version, uri, _digest(found))

    def _newest(self, question: NewestQuestion) -> RegisteredVersion:
        """Its files are nobody's business here: whoever asks only wants to know that it is new."""
        name = question.model.replace("'", "''")
        asked = {"filter": f"name='{name}'", "order_by": "version_number DESC", "max_results": 1}
        found = self._get(question.registry, "model-versions/search", asked).get("model_versions") or []
        if not isinstance(found, list) or any(not isinstance(version, dict) for version in found):
            raise Unreachable("the answer is not one of the MLflow API")
        if not found:
            raise Missing
        version = str(found[0].get("version", ""))
        if not _VERSION.fullmatch(version):
            raise Unreachable("the version that it names cannot be used: it needs a label")
        return RegisteredVersion(version, "", _digest(found[0]))

    def _call(self, registry: str, method: str, path: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if method == "GET":
            return self._get(registry, path, fields)
        url = f"{self._registries[registry].url}/api/2.0/mlflow/{path}"
        body, kind = json.dumps(fields).encode(), {"Content-Type": "application/json"}
        reply = self._clients[registry].send(method, url, body, kind)
        if reply.status == 200:
            return reply.object() if reply.body.strip() else {}
        if reply.status in (401, 403):
            raise PermissionError(f"HTTP {reply.status}")
        if _says_missing(reply):
            raise Missing
        if _code(reply) == "RESOURCE_ALREADY_EXISTS":
            raise Exists
        if reply.status == 400 and _CODE.fullmatch(code := _code(reply)):
            raise Refused(code)
        raise Unreachable(f"answers HTTP {reply.status}")

    def _get(self, registry: str, path: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        url = f"{self._registries[registry].url}/api/2.0/mlflow/{path}?{urlencode(asked)}"
        reply = self._clients[registry].send("GET", url)
        if reply.status == 200:
            return reply.object()
        if reply.status in (401, 403):
            raise PermissionError(f"HTTP {reply.status}")
        if _says_missing(reply):
            raise Missing
        raise Unreachable(f"answers HTTP {reply.status}")


def _refusal(question: AliasQuestion | NewestQuestion | PublishQuestion, code: str) -> str:
    if not isinstance(question, PublishQuestion) or question.version:
        return f"refuses what it is asked ({code})"
    # Not the message of the answer: it may say anything.
    says = f"refuses to register {question.uri[:MAX_SHOWN]} as a version of {question.model!r} ({code})"
    scheme = question.uri.partition(":")[0]
    return f"{says}: MLflow takes no source of scheme {scheme}" if scheme in _NEVER_A_SOURCE else says


def _code(reply: Reply) -> str:
    try:
        return str(reply.object().get("error_code", ""))
    except Unreachable:
        return ""


def _says_missing(reply: Reply) -> bool:
    """TRAP: for an alias that is not set the stores of MLflow answer 400 with a sentence, and only some 404."""
    if reply.status not in (400, 404):
        return False
    try:
        said = reply.object()
    except Unreachable:
        return False
    code, message = str(said.get("error_code", "")), str(said.get("message", ""))
    alias_is_not_set = code == "INVALID_PARAMETER_VALUE" and re.search(r"alias .* not found", message) is not None
    return code == "RESOURCE_DOES_NOT_EXIST" or alias_is_not_set


def _digest(version: Mapping[str, Any]) -> str:
    tags = version.get("tags")
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and tag.get("key") == DIGEST_TAG and _DIGEST.fullmatch(str(tag.get("value"))):
            return str(tag["value"])
    return ""
