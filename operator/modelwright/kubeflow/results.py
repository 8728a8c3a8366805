"""Reading evaluations and models from result storage, below the root that the platform gave."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from modelwright.errors import InvalidSpec, ModelwrightError, Unavailable
from modelwright.kubeflow.digest import content_digest, digest
from modelwright.kubeflow.evaluation import Evaluation
from modelwright.kubeflow.evaluation_parsing import parse_evaluation
from modelwright.kubeflow.places import OutsideResultRoot, require_below
from modelwright.kubeflow.questions import Failure, ReadEvaluation, ReadResult, Trouble
from modelwright.kubeflow.storage import NotThere, open_below, read_file
from modelwright.smoke.comparing import is_prediction

MAX_EVALUATION = 4 << 20
MAX_FILES = 10_000
MAX_MODEL = 64 << 30


def read_result(question: ReadEvaluation, result_root: str) -> ReadResult | Failure:
    """The evaluation, and our own digest of its model. Never raises for what a pipeline or the storage did."""
    try:
        raw = read_file(question.uri, result_root, MAX_EVALUATION, what="evaluation.json from the pipeline")
        evaluation = _parsed(raw)
        model_digest = ""
        if not question.of_champion:
            require_below(evaluation.model.uri, question.model_prefix)
            model_digest = _digest_of(evaluation.model.uri, result_root)
    except NotThere as error:
        return Failure(Trouble.NOT_FOUND, str(error))
    except (InvalidSpec, OutsideResultRoot) as error:
        return Failure(Trouble.INVALID, str(error))
    except Unavailable as error:
        return Failure(Trouble.UNAVAILABLE, str(error))
    return ReadResult(evaluation, f"sha256:{hashlib.sha256(raw).hexdigest()}", model_digest)


def read_golden_rows(uri: str, wanted: str, result_root: str) -> list[Mapping[str, Any]]:
    """The golden rows of the evaluation at `uri`. ModelwrightError where it is not there, another one than `wanted`
    (the digest of the file), or has rows that cannot be asked for."""
    raw = read_file(uri, result_root, MAX_EVALUATION, what="evaluation.json from the pipeline")
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != wanted:
        raise InvalidSpec("", "the evaluation is not the one that was judged")
    _parsed(raw)
    rows: list[Mapping[str, Any]] = json.loads(raw)["goldenRows"]
    for row in rows:
        if not _is_golden(row) or row["inputs"].keys() != rows[0]["inputs"].keys():
            raise InvalidSpec(
                "goldenRows", "must have the same inputs in each row, and class and probability or outputs"
            )
    return rows


def _is_golden(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("inputs"), dict) or not row["inputs"]:
        return False
    values = all(isinstance(value, int | float | str) for value in row["inputs"].values())
    return values and is_prediction(row.get("prediction"))


def _parsed(raw: bytes) -> Evaluation:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidSpec("", "is not JSON") from None
    return parse_evaluation(document)


def _digest_of(uri: str, root: str) -> str:
    system, path = open_below(uri, root)
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
