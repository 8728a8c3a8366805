"""What the tests of metrics share: one real Prometheus, and a fake one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.metrics.exporting import RealPrometheus
from tests.metrics.faking import FakePrometheus


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    prometheus = RealPrometheus(tmp_path_factory.mktemp("prometheus"))
    yield prometheus
    prometheus.close()


@pytest.fixture
def fake() -> Iterator[FakePrometheus]:
    fake = FakePrometheus()
    yield fake
    fake.close()
