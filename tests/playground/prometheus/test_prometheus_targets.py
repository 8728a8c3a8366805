"""Which pods are scraped, where, and under which labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelwright_playground import atomically
from modelwright_playground.prometheus.configuration import configuration
from modelwright_playground.prometheus.targets import scrape_targets


def pod(name: str = "churn-1", *, phase: str = "Running", ip: str | None = "10.244.3.7", **metadata: Any) -> Any:
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    return {
        "metadata": {"namespace": "ml", "name": name, "annotations": annotations, **metadata},
        "spec": {"containers": [{"name": "server", "ports": [{"containerPort": 9000}]}]},
        "status": {"phase": phase, **({"podIP": ip} if ip else {})},
    }


def test_a_pod_of_a_rollout_is_scraped_where_it_listens_and_labelled_by_revision() -> None:
    labels = {"modelwright.dev/rollout": "churn", "modelwright.dev/revision": "77d0aa91c2", "app": "x"}
    assert scrape_targets([pod(labels=labels)]) == [
        {
            "targets": ["127.244.3.7:8080"],
            "labels": {
                "__metrics_path__": "/metrics",
                "namespace": "ml",
                "pod": "churn-1",
                "rollout": "churn",
                "revision": "77d0aa91c2",
            },
        }
    ]


def test_labels_that_a_pod_lacks_are_left_out() -> None:
    (group,) = scrape_targets([pod()])
    assert group["labels"].keys() == {"__metrics_path__", "namespace", "pod"}


@pytest.mark.parametrize(
    "other",
    [
        pod(phase="Pending"),
        pod(phase="Succeeded"),
        pod(phase="Failed"),
        pod(ip=None),
        pod(annotations={}),
        pod(annotations={"prometheus.io/scrape": "false", "prometheus.io/port": "1"}),
        pod(annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "http"}),
        pod(annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "70000"}),
    ],
    ids=["pending", "succeeded", "failed", "no address", "not annotated", "refused", "a name", "no port number"],
)
def test_a_pod_that_cannot_or_will_not_be_scraped_is_no_target(other: Any) -> None:
    assert scrape_targets([other]) == []


def test_a_pod_that_is_being_deleted_stays_a_target_until_it_is_gone() -> None:
    assert len(scrape_targets([pod(deletionTimestamp="2026-11-21T10:00:00Z")])) == 1


def test_without_a_port_annotation_the_first_declared_port_is_scraped() -> None:
    (group,) = scrape_targets([pod(annotations={"prometheus.io/scrape": "true"})])
    assert group["targets"] == ["127.244.3.7:9000"]


def test_the_path_is_the_annotated_one() -> None:
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "1", "prometheus.io/path": "stats/all"}
    (group,) = scrape_targets([pod(annotations=annotations)])
    assert group["labels"]["__metrics_path__"] == "/stats/all"


def test_the_order_of_pods_does_not_matter() -> None:
    pods = [pod("b"), pod("a")]
    assert scrape_targets(pods) == scrape_targets(pods[::-1])


def test_a_pods_own_labels_never_pass_for_ours() -> None:
    jobs = configuration(Path("/targets"), 1)["scrape_configs"]
    assert {job["job_name"]: job["honor_labels"] for job in jobs} == {"pods": False, "envoy": False}


def test_a_file_is_replaced_only_when_its_content_changes(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    assert atomically.write(path, "a")
    inode = path.stat().st_ino
    assert not atomically.write(path, "a")
    assert path.stat().st_ino == inode
    assert atomically.write(path, "b")
    assert path.stat().st_ino != inode
    assert [item.name for item in path.parent.iterdir()] == ["file.json"]
