"""An MLflow server with a database of its own, that may send webhooks to this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet
from tests.ports import free_port

from conformance.installing import environment_with
from conformance.running import running

MLFLOW = "mlflow==3.17.2"
REMEMBERED = 1
"""Seconds for which it remembers that there was no webhook; by default a minute."""


def environment() -> Path:
    """Where its programs are; installed now where they are missing, which takes some minutes."""
    return environment_with("mlflow", MLFLOW)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of its API."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        str(environment() / "mlflow"),
        *("server", "--host", "127.0.0.1", "--port", url.rpartition(":")[2], "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'db.sqlite'}", "--artifacts-destination", str(folder / "files")),
    ]
    settings = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_CACHE_TTL": str(REMEMBERED),
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "PATH": f"{environment()}:{os.environ['PATH']}",
        "HOME": str(folder),
    }
    with running(command, f"{url}/health", folder / "log", {**os.environ, **settings}):
        yield url
