"""Pipeline servers in the operator's configuration file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelwright.errors import InvalidSpec
from modelwright.kubeflow.configuration import PipelineServer, pipeline_servers

ENTRY = {"name": "default", "url": "http://kubeflow:8888/", "resultRoot": "s3://models/results/"}


def servers(*entries: Any) -> dict[str, PipelineServer]:
    return pipeline_servers({"pipelineServers": list(entries)})


def test_a_server_needs_only_name_url_and_result_root() -> None:
    (server,) = servers(ENTRY).values()
    assert server == PipelineServer(
        "default", "http://kubeflow:8888", "s3://models/results", ("*",), timedelta(seconds=30)
    )
    assert server.folder("ml", "churn-1") == "s3://models/results/ml/churn-1"


def test_people_are_shown_where_a_run_is_if_the_platform_says_so() -> None:
    server = servers({**ENTRY, "uiUrl": "https://kubeflow.example.com/#/runs/details/{id}"})["default"]
    assert server.run_url("6f0c/3") == "https://kubeflow.example.com/#/runs/details/6f0c%2F3"
    assert servers(ENTRY)["default"].run_url("6f0c") == ""


def test_without_any_server_there_is_none() -> None:
    assert pipeline_servers({}) == {}


def test_a_server_may_be_kept_to_some_namespaces() -> None:
    server = servers({**ENTRY, "namespaces": ["ml"]})["default"]
    assert server.allows("ml")
    assert not server.allows("other")
    assert servers(ENTRY)["default"].allows("other")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"url": None}, "pipelineServers[0].url"),
        ({"url": "kubeflow:8888"}, "pipelineServers[0].url"),
        ({"resultRoot": "/results"}, "pipelineServers[0].resultRoot"),
        ({"timeout": "0s"}, "pipelineServers[0].timeout"),
        ({"timeout": 30}, "pipelineServers[0].timeout"),
        ({"namespaces": "ml"}, "pipelineServers[0].namespaces"),
        ({"token": "x"}, "pipelineServers[0].token"),
        ({"auth": {"sigV4": {"region": "eu-central-1"}}}, "pipelineServers[0].auth"),
        ({"uiUrl": "https://kubeflow.example.com"}, "pipelineServers[0].uiUrl"),
        ({"tenancy": "Mine"}, "pipelineServers[0].tenancy"),
        ({"packageRoots": ["/packages"]}, "pipelineServers[0].packageRoots"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        servers({**ENTRY, **changes})
    assert caught.value.path == path


def test_a_name_stands_for_one_server() -> None:
    with pytest.raises(InvalidSpec, match="two servers are named 'default'"):
        servers(ENTRY, ENTRY)
