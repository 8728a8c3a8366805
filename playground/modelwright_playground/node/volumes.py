"""A pod's volumes as folders, and the mount paths that stand for them.

Writes files only where their content changed, each by an atomic rename: a reader sees an old file or a new one, but two
files of one ConfigMap may for a moment be of different versions (a kubelet swaps the whole folder).
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright_playground.node.downward import PodFacts, field, resource
from modelwright_playground.node.errors import config_error

Object = Mapping[str, Any]
Files = Mapping[tuple[str, str], Mapping[str, bytes]]
"""(ConfigMap | Secret, name) -> its keys with their content; what does not exist is not in it."""

_KINDS = ("configMap", "secret", "emptyDir", "projected", "downwardAPI", "hostPath")
TokenKey = tuple[str | None, int]
"""What distinguishes the tokens of one pod: the audience (None: the API server) and the lifetime in seconds."""

# Exactly what kubelets ask for. TRAP: the API server extends a token of this lifetime to a year, for clients that read
# the file only once (the Python ones do); with any other number such a client is locked out after an hour.
TOKEN_SECONDS = 3607
_TOKEN = "serviceAccountToken"


def object_files(kind: str, body: Object) -> dict[str, bytes]:
    """The keys of a ConfigMap or Secret as file contents."""
    if kind == "Secret":
        return {key: base64.b64decode(value) for key, value in (body.get("data") or {}).items()}
    binary = {key: base64.b64decode(value) for key, value in (body.get("binaryData") or {}).items()}
    return {key: value.encode() for key, value in (body.get("data") or {}).items()} | binary


def object_names(volumes: Sequence[Object]) -> set[tuple[str, str]]:
    """The ConfigMaps and Secrets that `volumes` are made of, optional ones too."""
    return {(kind, name) for volume in volumes for kind, name, _, _ in _object_sources(volume)}


def token_requests(volumes: Sequence[Object]) -> list[Object]:
    """Every serviceAccountToken source: audience, expirationSeconds, path."""
    return [
        source[_TOKEN]
        for volume in volumes
        for source in (volume.get("projected") or {}).get("sources") or []
        if _TOKEN in source
    ]


def token_key(request: Object) -> TokenKey:
    return request.get("audience"), int(request.get("expirationSeconds", TOKEN_SECONDS))


def mount_paths(container: Object, volumes: Sequence[Object], folder: Path) -> dict[str, str]:
    """Each mountPath of `container` with the local path that stands for it. `folder` holds the pod's volumes."""
    local = {volume["name"]: _place(volume, folder) for volume in volumes}
    result: dict[str, str] = {}
    for mount in container.get("volumeMounts") or []:
        place = local[mount["name"]]
        result[mount["mountPath"]] = str(place / mount["subPath"] if mount.get("subPath") else place)
    return result


def write_volumes(
    volumes: Sequence[Object], folder: Path, files: Files, facts: PodFacts, tokens: Mapping[TokenKey, str]
) -> None:
    """Bring the folders of all volumes up to date. `tokens` holds what `token_key` says for each token source.

    Raises CannotStart for a volume that this node does not have, and for a ConfigMap or Secret that is missing.
    """
    for volume in volumes:
        kind = next((key for key in volume if key != "name"), "emptyDir")
        if kind not in _KINDS:
            raise config_error(
                f"volume {volume['name']}: {kind} is not supported by the playground's node; it has {', '.join(_KINDS)}"
            )
        place = _place(volume, folder)
        if kind == "hostPath":
            continue
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if kind != "emptyDir":
            _synchronise(place, _content(volume, files, facts, tokens))


def _content(volume: Object, files: Files, facts: PodFacts, tokens: Mapping[TokenKey, str]) -> dict[str, bytes]:
    content: dict[str, bytes] = {}
    for kind, name, items, optional in _object_sources(volume):
        keys = files.get((kind, name))
        if keys is None and not optional:
            raise config_error(f"volume {volume['name']}: {kind} {name} not found")
        content |= _selected(keys or {}, items, optional, f"volume {volume['name']}: {kind} {name}")
    for downward in _downward(volume):
        for item in downward.get("items") or []:
            if reference := item.get("fieldRef"):
                text = field(facts, reference["fieldPath"])
            else:
                text = resource(facts, item["resourceFieldRef"], "")
            content[item["path"]] = text.encode()
    for request in token_requests([volume]):
        content[request["path"]] = tokens[token_key(request)].encode()
    return content


def _selected(keys: Mapping[str, bytes], items: Sequence[Object] | None, optional: bool, what: str) -> dict[str, bytes]:
    if not items:
        return dict(keys)
    missing = [item["key"] for item in items if item["key"] not in keys]
    if missing and not optional:
        raise config_error(f"{what} has no key {missing[0]}")
    return {item["path"]: keys[item["key"]] for item in items if item["key"] in keys}


def _object_sources(volume: Object) -> list[tuple[str, str, Sequence[Object] | None, bool]]:
    """(kind, name, items, optional) of everything in a volume that comes from a ConfigMap or a Secret."""
    found = []
    for source in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
        for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if part := source.get(key):
                name = part.get("name") or part["secretName"]
                found.append((kind, name, part.get("items"), bool(part.get("optional"))))
    return found


def _downward(volume: Object) -> list[Object]:
    sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    return [source["downwardAPI"] for source in sources if source.get("downwardAPI")]


def _place(volume: Object, folder: Path) -> Path:
    return Path(volume["hostPath"]["path"]) if volume.get("hostPath") else folder / volume["name"]


def _synchronise(place: Path, content: Mapping[str, bytes]) -> None:
    wanted = {place / path: data for path, data in content.items()}
    for known in [path for path in place.rglob("*") if path.is_file()]:
        if known not in wanted:
            known.unlink()
    for path, data in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            write_private(path, data)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, in one step."""
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    temporary.replace(path)


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
