"""Reading evaluations and models from result storage, through fsspec: file at home, object stores with their extra.

The URIs come from pipelines, which run a tenant's code: only what lies below the platform's result root is opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import fsspec

from modelwright.errors import InvalidSpec, ModelwrightError, Unavailable
from modelwright.kubeflow.digest import content_digest, digest
from modelwright.kubeflow.evaluation import Evaluation
from modelwright.kubeflow.evaluation_parsing import parse_evaluation
from modelwright.kubeflow.questions import Failure, ReadEvaluation, ReadResult, Trouble

MAX_EVALUATION = 4 << 20
MAX_FILES = 10_000
MAX_MODEL = 64 << 30


class OutsideResultRoot(ModelwrightError):
    """A pipeline named a place that the platform did not give it."""


class NotThere(ModelwrightError):
    """Nothing is stored under the URI (yet)."""


def read_result(question: ReadEvaluation, result_root: str) -> ReadResult | Failure:
    """The evaluation, and our own digest of its model. Never raises for what a pipeline or the storage did."""
    try:
        raw = _read_file(question.uri, result_root)
        evaluation = _parsed(raw)
        require_below(evaluation.model.uri, question.model_prefix)
        model_digest = _digest_of(evaluation.model.uri, result_root)
    except NotThere as error:
        return Failure(Trouble.NOT_FOUND, str(error))
    except (InvalidSpec, OutsideResultRoot) as error:
        return Failure(Trouble.INVALID, str(error))
    except Unavailable as error:
        return Failure(Trouble.UNAVAILABLE, str(error))
    return ReadResult(evaluation, f"sha256:{hashlib.sha256(raw).hexdigest()}", model_digest)


def require_below(uri: str, root: str) -> None:
    """OutsideResultRoot unless `uri` is `root` or below it, by its text: same scheme, same host, no way around."""
    # TRAP: fsspec reads "a::b" as a chain of file systems, and object stores unquote; so neither may occur at all.
    if "::" in uri or any(letter in uri for letter in "%?#\\\0\n") or ".." in uri.split("/"):
        raise OutsideResultRoot("the URI of a result must be plain: without '..', '::', '%', '?', '#' and backslashes")
    wanted, found = urlsplit(root), urlsplit(uri)
    # A root may be a whole bucket, whose path is empty.
    base, path = posixpath.normpath(wanted.path or "/"), posixpath.normpath(found.path or "/")
    same_place = (wanted.scheme, wanted.netloc) == (found.scheme, found.netloc)
    if not same_place or not (path == base or path.startswith(base.rstrip("/") + "/")):
        raise OutsideResultRoot(f"the pipeline names {uri[:200]!r}, which is not below the folder it was given")


def _parsed(raw: bytes) -> Evaluation:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidSpec("", "is not JSON") from None
    return parse_evaluation(document)


def _read_file(uri: str, root: str) -> bytes:
    system, path = _open_root(uri, root)
    try:
        with system.open(path, "rb") as stream:
            raw: bytes = stream.read(MAX_EVALUATION + 1)
    except FileNotFoundError:
        raise NotThere("the pipeline left no evaluation.json") from None
    except Exception as error:  # every storage library has errors of its own
        raise Unavailable(f"the result storage does not answer: {type(error).__name__}") from error
    if len(raw) > MAX_EVALUATION:
        raise InvalidSpec("", f"must be at most {MAX_EVALUATION} bytes")
    return raw


def _digest_of(uri: str, root: str) -> str:
    system, path = _open_root(uri, root)
    try:
        return digest(_entries(system, path))
    except ValueError as error:
        raise InvalidSpec("model.uri", str(error)) from error
    except FileNotFoundError:
        raise InvalidSpec("model.uri", "names a folder that is not there") from None
    except ModelwrightError:
        raise
    except Exception as error:  # as above
        raise Unavailable(f"the model cannot be read: {type(error).__name__}") from error


def _entries(system: Any, folder: str) -> Iterator[tuple[str, int, str]]:
    files = system.find(folder, detail=True)
    if len(files) > MAX_FILES:
        raise InvalidSpec("model.uri", f"must hold at most {MAX_FILES} files, found {len(files)}")
    if sum(entry["size"] or 0 for entry in files.values()) > MAX_MODEL:
        raise InvalidSpec("model.uri", f"must hold at most {MAX_MODEL >> 30} GiB")
    for path, entry in files.items():
        if entry.get("islink"):
            raise InvalidSpec("model.uri", "must hold no symbolic links")
        with system.open(path, "rb") as stream:
            size, content = content_digest(stream)
        yield posixpath.relpath(path, folder), size, content


def _open_root(uri: str, root: str) -> tuple[Any, str]:
    require_below(uri, root)
    try:
        system, path = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError):
        scheme = urlsplit(root).scheme
        raise Unavailable(f"this operator has no storage library to read {scheme}:// with") from None
    if urlsplit(uri).scheme == "file":
        real, real_root = os.path.realpath(path), os.path.realpath(urlsplit(root).path)
        if os.path.commonpath([real, real_root]) != real_root:
            raise OutsideResultRoot("the pipeline left a symbolic link that leads out of the folder it was given")
    return system, path.rstrip("/")
