"""Sets an alias of an MLflow server to a version of ours, registering the version first if need be.

MLflow has no compare-and-swap: an alias is whatever was written last. So it is read before and after. A version is
found again by the digest in its tag, so that an answer that was lost makes no second one.

Calls, as in MLflow 2 and 3: `registered-models/create`, `model-versions/search`, `model-versions/create`, and
`registered-models/alias` by GET and POST.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from modelwright.registries.questions import AliasTaken, NoVersion, PublishedVersion, PublishQuestion
from modelwright.web.bounded import Unreachable

DIGEST_TAG = "modelwright.dev/digest"
RUN_TAG = "modelwright.dev/retrain-run"
PAGES = 20


class Missing(Exception):
    """The registry answers, and has no such thing."""


class Exists(Exception):
    """The registry answers that it is there already."""


class Refused(Exception):
    """The registry will not register what it was given, however often it is asked. The code is its own word for why."""


class Call(Protocol):
    """One call of the MLflow API.

    Missing, Exists, Refused, PermissionError or Unreachable where it does not succeed.
    """

    def __call__(self, method: str, path: str, fields: Mapping[str, Any]) -> Mapping[str, Any]: ...


def publish(call: Call, question: PublishQuestion) -> PublishedVersion | AliasTaken | NoVersion:
    """The version that the alias names now, which is ours, or who else set it meanwhile."""
    before = _alias(call, question)
    version = question.version or _version(call, question)
    if before == version:
        return PublishedVersion(version, before)
    if question.expected and before not in (question.expected, "") and not question.overwrite:
        return AliasTaken(before)
    call(
        "POST",
        "registered-models/alias",
        {"name": question.model, "alias": question.alias, "version": version},
    )
    # Re-read: somebody may have written in the same moment, and the last one wins.
    after = _alias(call, question)
    return PublishedVersion(version, before) if after == version else AliasTaken(after)


def _alias(call: Call, question: PublishQuestion) -> str:
    """The version that the alias names, "" for none."""
    try:
        found = call("GET", "registered-models/alias", {"name": question.model, "alias": question.alias})
    except Missing:
        return ""
    return _number(found.get("model_version"))


def _version(call: Call, question: PublishQuestion) -> str:
    try:
        call("POST", "registered-models/create", {"name": question.model})
    except Exists:
        if known := _known(call, question):
            return known
    tags = [{"key": DIGEST_TAG, "value": question.digest}, {"key": RUN_TAG, "value": question.run}]
    created = call("POST", "model-versions/create", {"name": question.model, "source": question.uri, "tags": tags})
    if version := _number(created.get("model_version")):
        return version
    raise Unreachable("the answer is not one of the MLflow API")


def _known(call: Call, question: PublishQuestion) -> str:
    """The newest version that carries the digest in its tag."""
    name = question.model.replace("'", "''")
    fields: dict[str, Any] = {"filter": f"name='{name}'", "order_by": "version_number DESC", "max_results": 200}
    for _ in range(PAGES):
        found = call("GET", "model-versions/search", fields)
        for version in found.get("model_versions") or ():
            tags = version.get("tags") or () if isinstance(version, dict) else ()
            if any(tag.get("key") == DIGEST_TAG and tag.get("value") == question.digest for tag in tags):
                return _number(version)
        token = found.get("next_page_token")
        if not token:
            return ""
        fields["page_token"] = str(token)
    raise Unreachable("it has more versions than can be looked through")


def _number(version: Any) -> str:
    return str(version.get("version", "")) if isinstance(version, Mapping) else ""
