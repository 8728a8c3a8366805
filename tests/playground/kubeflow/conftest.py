from collections.abc import Iterator

import pytest
from tests.playground.kubeflow.server import Server


@pytest.fixture(scope="package")
def kubeflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this folder; they tell their objects apart by name."""
    server = Server(tmp_path_factory.mktemp("kubeflow"))
    yield server
    server.close()
