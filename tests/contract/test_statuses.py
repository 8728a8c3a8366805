"""Statuses on the real API server: stored whole, shown in columns, and read by other tools as they are meant."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml
from tests.contract.corpus import HERE, merged, read
from tests.contract.kstatus import kstatus
from tests.contract.schema import KINDS, nodes, values_at

from modelwright.api.parsing import parse_policy_status, parse_rollout_status, parse_run_status
from modelwright.api.serialising import policy_status, rollout_status, run_status
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN
from modelwright_playground.controlplane.build import binary

KIND = {kind.name: kind for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN)}
FILES = sorted((HERE / "statuses").glob("*.yaml"))
_HEADER = re.compile(r"# kstatus: (\w+)\n# base: (\S+)\n")


class WithKubeconfig(Protocol):
    @property
    def kubeconfig(self) -> str: ...


def rewritten(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """The status that the operator would write if it had just read this one."""
    match kind:
        case "ModelRollout":
            return rollout_status(parse_rollout_status(body))
        case "RetrainPolicy":
            return policy_status(parse_policy_status(body))
        case _:
            return run_status(parse_run_status(body))


def load(file: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """What kstatus makes of it, the object to create, and the status to give it."""
    header = _HEADER.match(file.read_text())
    assert header, f"{file.name} must begin with the comment lines kstatus and base"
    return header[1], read(HERE / "accepted" / f"{header[2]}.yaml")[0], yaml.safe_load(file.read_text())


async def stored(cluster: Cluster, namespace: str, file: Path) -> dict[str, Any]:
    _, body, status = load(file)
    kind = KIND[body["kind"]]
    created = await cluster.create(kind, merged(body, {"metadata": {"namespace": namespace}}), strict=True)
    if not status:
        return created
    return await cluster.replace(kind, {**created, "status": status}, subresource="status")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_status_is_stored_as_it_was_written(file: Path, cluster: Cluster, namespace: str) -> None:
    _, body, status = load(file)
    found = await stored(cluster, namespace, file)
    assert found["status"] == (status or {"observedGeneration": -1})
    # Numbers are always written, so a status that lacks one is read back equal but not written back equal.
    again = rewritten(body["kind"], found)
    assert rewritten(body["kind"], {"status": again}) == again


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_other_tools_read_a_status_as_it_is_meant(file: Path, cluster: Cluster, namespace: str) -> None:
    assert kstatus(await stored(cluster, namespace, file)) == load(file)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_status_is_in_an_example(kind: str) -> None:
    examples = [{"status": status} for _, body, status in map(load, FILES) if body["kind"] == kind]
    missing = [node.path for node in nodes(kind, "status") if not any(values_at(body, node.path) for body in examples)]
    assert missing == []


@pytest.mark.parametrize(
    ("file", "columns", "cells"),
    [
        (
            "rollout-progressing",
            "NAME PHASE STABLE CANDIDATE WEIGHT STEP READY REASON AGE MESSAGE",
            "churn Progressing v11 v12 25 2 False Progressing AGE 25 % to v12, step 2 of 3",
        ),
        (
            "policy-retraining",
            "NAME READY REASON APPROVED CHAMPION RETRAINING SPENT AGE MESSAGE",
            "churn True Armed churn-m2v8d churn-m2v8d True 12.40 EUR, 8.00 GPU-hours AGE",
        ),
        (
            "run-approved",
            "NAME PHASE POLICY TRIGGER PIPELINE MODEL COST AGE REASON MESSAGE",
            "churn-x7k2p Approved churn accuracy SUCCEEDED churn-x7k2p 3.10 EUR AGE Approved 3 of 3 checks passed",
        ),
    ],
)
async def test_columns_tell_the_story(
    file: str, columns: str, cells: str, cluster: Cluster, namespace: str, control_plane: WithKubeconfig
) -> None:
    found = await stored(cluster, namespace, HERE / "statuses" / f"{file}.yaml")
    short = {"ModelRollout": "mro", "RetrainPolicy": "rp", "RetrainRun": "rr"}[found["kind"]]
    command = [
        *(str(binary("kubectl")), "--kubeconfig", control_plane.kubeconfig),
        *("-n", namespace, "get", short, "-o", "wide"),
    ]
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    header, row = shown.stdout.splitlines()
    assert " ".join(header.split()) == columns
    assert re.sub(r" \d+s\b", " AGE", " ".join(row.split())) == cells
