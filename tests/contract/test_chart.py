"""The chart, rendered and installed by the real helm on the real API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml
from tests.contract.chart import CHART, RELEASE, helm, one, rendered
from tests.contract.schema import KINDS, definition

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import (
    CONTROLLER_REVISION,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    HTTP_ROUTE,
    LEASE,
    MODEL_ROLLOUT,
    POD,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    SECRET,
    SERVICE,
    Kind,
)
from modelwright.kubeflow.configuration import pipeline_servers
from modelwright.metrics.configuration import parse_metric_sources

ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)

SOURCES = """
metricSources:
- {name: default, url: "http://prometheus:9090", scrapeInterval: 1s, timeout: 5s, namespaces: [ml]}
pipelineServers:
- {name: default, url: "http://ml-pipeline:8888", resultRoot: "s3://models", timeout: 30s, namespaces: ["*"]}
"""

# What the operator calls, by kind. The rest of the matrix must be refused.
ALLOWED: list[tuple[Kind, str, str]] = [
    *[(kind, "", verb) for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN) for verb in ("get", "list", "watch")],
    *[(kind, "status", "update") for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN)],
    *[(kind, "status", "patch") for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN)],
    *[(kind, "finalizers", "update") for kind in (MODEL_ROLLOUT, RETRAIN_POLICY)],
    *[(RETRAIN_RUN, "", verb) for verb in ("create", "patch")],
    *[(DEPLOYMENT, "", verb) for verb in ("list", "watch", "create", "patch", "delete")],
    *[(CONTROLLER_REVISION, "", verb) for verb in ("list", "create", "delete")],
    *[(SERVICE, "", verb) for verb in ("get", "list", "watch", "create", "patch")],
    *[(HTTP_ROUTE, "", verb) for verb in ("get", "list", "watch", "create", "patch")],
    *[(ENDPOINT_SLICE, "", verb) for verb in ("list", "watch")],
    (POD, "", "list"),
    (EVENT, "", "create"),
]
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


async def is_allowed(cluster: Cluster, user: str, namespace: str, kind: Kind, subresource: str, verb: str) -> bool:
    attributes = {"namespace": namespace, "group": kind.group, "resource": kind.plural, "verb": verb}
    if subresource:
        attributes["subresource"] = subresource
    if kind is LEASE:
        attributes["name"] = "modelwright"
    body = {"apiVersion": ACCESS_REVIEW.api_version, "kind": ACCESS_REVIEW.name, "metadata": {}}
    answer = await cluster.create(ACCESS_REVIEW, {**body, "spec": {"user": user, "resourceAttributes": attributes}})
    return bool(answer["status"]["allowed"])


async def test_the_release_allows_the_operator_what_it_calls_and_nothing_else(cluster: Cluster, installed: str) -> None:
    user = f"system:serviceaccount:{installed}:{RELEASE}"
    calls = [
        (kind, subresource, verb)
        for kind, subresource in {(kind, subresource) for kind, subresource, _ in ALLOWED} | {(SECRET, "")}
        for verb in VERBS
    ]
    # Its work is everywhere, so it is asked about a namespace that is not its own.
    answers = await asyncio.gather(*(is_allowed(cluster, user, "elsewhere", *call) for call in calls))
    assert {call for call, allowed in zip(calls, answers, strict=True) if allowed} == set(ALLOWED)


async def test_the_release_allows_the_operator_its_own_lease_only(cluster: Cluster, installed: str) -> None:
    user = f"system:serviceaccount:{installed}:{RELEASE}"
    allowed = {verb for verb in VERBS if await is_allowed(cluster, user, installed, LEASE, "", verb)}
    assert allowed == {"get", "create", "update"}
    assert not await is_allowed(cluster, user, "elsewhere", LEASE, "", "update")


async def test_the_operators_pod_keeps_to_the_restricted_standard(cluster: Cluster, installed: str) -> None:
    deployment = await cluster.get(DEPLOYMENT, installed, RELEASE)
    assert deployment is not None
    template = deployment["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "operator", "namespace": installed},
        "spec": template["spec"],
    }
    created = await cluster.create(POD, pod, dry_run=True, strict=True)
    assert created["spec"]["containers"][0]["args"][:3] == ["run", "--config", "/etc/modelwright/config.yaml"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_definitions_in_the_chart_are_ours_and_stay_after_uninstall(kind: str, cluster: Cluster) -> None:
    rendered_crds = [body for body in rendered("default") if body["kind"] == CUSTOM_RESOURCE_DEFINITION.name]
    (crd,) = [body for body in rendered_crds if body["spec"]["names"]["kind"] == kind]
    assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert crd == definition(kind)
    await cluster.apply(CUSTOM_RESOURCE_DEFINITION, crd, dry_run=True)


def test_the_definitions_can_be_left_to_others() -> None:
    kinds = {body["kind"] for body in rendered("default", "--set", "crds.install=false")}
    assert CUSTOM_RESOURCE_DEFINITION.name not in kinds


def test_the_operator_can_read_the_configuration_that_the_chart_writes(tmp_path: Any) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(SOURCES)
    config = yaml.safe_load(one(rendered("default", "-f", str(values)), "ConfigMap")["data"]["config.yaml"])
    assert config == yaml.safe_load(SOURCES)
    assert parse_metric_sources(config)["default"].allows("ml")
    assert pipeline_servers(config)["default"].result_root == "s3://models"


def test_a_changed_configuration_restarts_the_pods(tmp_path: Any) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(SOURCES)
    templates = [
        one(objects, "Deployment")["spec"]["template"] for objects in (rendered("a"), rendered("a", "-f", str(values)))
    ]
    assert templates[0]["metadata"]["annotations"] != templates[1]["metadata"]["annotations"]


def test_in_named_namespaces_the_operator_gets_no_rights_elsewhere() -> None:
    objects = rendered(
        "modelwright", "--set", "watchNamespaces={ml,fraud}", "--set", "rbac.aggregateToDefaultRoles=false"
    )
    kinds = [body["kind"] for body in objects]
    assert "ClusterRole" not in kinds
    assert "ClusterRoleBinding" not in kinds
    roles = {body["metadata"]["namespace"] for body in objects if body["kind"] == "Role"}
    assert roles == {"ml", "fraud", "modelwright"}
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["args"][-4:] == ["--namespace", "ml", "--namespace", "fraud"]


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("replica=3", "replica"),
        ("replicas=0", "replicas"),
        ("image.Tag=v1", "Tag"),
        ("logLevel=LOUD", "logLevel"),
        ("metricSources[0].name=default,metricSources[0].uri=http://p:9090", "uri"),
        ("metricSources[0].name=default,metricSources[0].url=http://me:secret@p:9090", "url"),
        ("pipelineServers[0].name=default,pipelineServers[0].url=http://k:8888", "resultRoot"),
    ],
)
def test_a_typo_in_the_values_is_refused_by_its_name(option: str, named: str) -> None:
    told = helm("template", RELEASE, CHART, "--set", option)
    assert told.returncode != 0
    assert named in told.stderr


def test_the_chart_passes_helms_own_lint() -> None:
    told = helm("lint", "--strict", CHART)
    assert told.returncode == 0, told.stdout
