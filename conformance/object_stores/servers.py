"""An S3 server that keeps its objects in a folder, and a fake of Google's store that keeps them in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

from conformance.installing import go_program
from conformance.running import running

VERSITYGW = ("github.com/versity/versitygw/cmd/versitygw", "v1.8.0")
BUCKET = "modelwright"
FAKE_GCS = ("github.com/fsouza/fake-gcs-server", "v1.56.1")


def programs() -> tuple[Path, Path]:
    """The S3 server and the fake; built now where they are missing, which takes some minutes."""
    return go_program(*VERSITYGW), go_program(*FAKE_GCS)


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which the operator would find it."""
    port = free_port()
    for name in (f"objects/{BUCKET}", "metadata"):
        (folder / name).mkdir(parents=True)
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    command = [
        str(go_program(*VERSITYGW)),
        *("--port", f"127.0.0.1:{port}", "--health", "/health", "--quiet"),
        *("posix", "--sidecar", str(folder / "metadata"), str(folder / "objects")),
    ]
    roots = {"ROOT_ACCESS_KEY": keys["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": keys["AWS_SECRET_ACCESS_KEY"]}
    with running(command, f"http://127.0.0.1:{port}/health", folder / "log", {**os.environ, **roots}):
        yield {
            **keys,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def gs(folder: Path) -> Iterator[dict[str, str]]:
    """As `s3`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(go_program(*FAKE_GCS)),
        *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
        *("-public-host", f"127.0.0.1:{port}"),
    ]
    with running(command, f"{url}/_internal/healthcheck", folder / "log", os.environ):
        yield {"STORAGE_EMULATOR_HOST": url}
