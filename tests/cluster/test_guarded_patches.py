"""What a real API server answers to a JSON Patch that does not fit, and what becomes of that."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONFIG_MAP
from modelwright.errors import Conflict, InvalidSpec


@pytest.fixture
async def stored(cluster: Cluster, namespace: str) -> str:
    metadata = {"name": "weights", "namespace": namespace}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"stable": "100"}}
    await cluster.create(CONFIG_MAP, body)
    return namespace


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/stable", "value": "90"},
        {"op": "test", "path": "/data/candidate", "value": "10"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "remove", "path": "/data/candidate"},
        {"op": "replace", "path": "/binaryData/candidate", "value": "10"},
    ],
    ids=["another value", "a value that is gone", "another version", "remove what is gone", "replace what is gone"],
)
async def test_a_patch_that_no_longer_fits_is_a_conflict(
    cluster: Cluster, stored: str, operation: dict[str, Any]
) -> None:
    with pytest.raises(Conflict):
        await cluster.json_patch(CONFIG_MAP, stored, "weights", [operation])
    found = await cluster.get(CONFIG_MAP, stored, "weights")
    assert found is not None
    assert found["data"] == {"stable": "100"}


async def test_a_patch_to_something_that_is_not_allowed_is_invalid(cluster: Cluster, stored: str) -> None:
    operation = {"op": "add", "path": "/data/not a key", "value": "10"}
    with pytest.raises(InvalidSpec, match="not a key"):
        await cluster.json_patch(CONFIG_MAP, stored, "weights", [operation])
