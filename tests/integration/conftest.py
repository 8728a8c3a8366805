"""The stage on which a rollout is played."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.stage import Stage

from modelwright.cluster.access import Cluster


@pytest.fixture
async def stage(cluster: Cluster, namespace: str) -> AsyncIterator[Stage]:
    stage = Stage(cluster, namespace)
    yield stage
    await stage.background.close()
