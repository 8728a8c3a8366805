"""The chart, rendered and installed by the real helm on the real API server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from tests.contract.chart import CHART, RELEASE, helm, one, rendered
from tests.contract.conftest import is_allowed
from tests.contract.schema import KINDS, definition

from modelwright.audit.configuration import To
from modelwright.cli.run import run
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    GATEWAY,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    LEASE,
    MODEL_ROLLOUT,
    POD,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    SECRET,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from modelwright.configuration import SECTIONS, read_configuration

NETWORK_POLICY = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")

SOURCES = """
metricSources:
- name: default
  url: https://thanos:9090
  kind: Thanos
  scrapeInterval: 1s
  timeout: 5s
  namespaces: [ml]
  auth: {bearer: {tokenFile: /etc/modelwright-secrets/metrics/token}}
  tls: {caFile: /etc/modelwright-secrets/metrics/ca.crt}
  headers: [{name: X-Scope-OrgID, value: ml}]
metricProfiles:
- {name: online, metrics: [{name: errors, preset: RequestErrors}]}
modelRegistries:
- {name: default, url: "https://mlflow", interval: 1m, timeout: 5s, namespaces: [ml], auth: {bearer: {tokenFile: /t}}}
rolloutLimits: {concurrentPerNamespace: 2}
smokeCheck: {proxy: "http://egress.proxies:3128"}
eventReceivers:
- {name: lake, format: CloudEvents, perMinute: 30, auth: {bearer: {tokenFile: /etc/modelwright-secrets/lake/token}}}
webhooks:
- {name: chat, url: "https://chat/x", keyFile: /k, timeout: 2s, namespaces: [ml], tls: {caFile: /c}}
pipelineRates:
- name: gpu-a100
  currency: EUR
  perHour: "0.40"
  gpus: [{type: nvidia-a100, perHour: "2.70", spotPerHour: "1.10"}]
  nodePools: [{name: training, perHour: "0.80"}]
pipelineServers:
- name: default
  url: http://ml-pipeline:8888
  resultRoot: s3://models
  timeout: 30s
  namespaces: ["*"]
  tenancy: PerNamespace
  auth: {bearer: {tokenFile: /var/run/secrets/modelwright/kubeflow/token}}
  tls: {caFile: /etc/modelwright-secrets/metrics/ca.crt}
  serviceAccounts: [pipeline-runner]
  pipelineRoots: [s3://models/artefacts]
  packageRoots: [s3://pipelines]
  dataRoots: [s3://lake]
"""

# What the operator calls, by kind. The rest of the matrix must be refused.
ALLOWED: list[tuple[Kind, str, str]] = [
    *[(kind, "", verb) for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN) for verb in ("get", "list", "watch")],
    *[(kind, "status", "update") for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN)],
    *[(kind, "status", "patch") for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN)],
    *[(kind, "finalizers", "update") for kind in (MODEL_ROLLOUT, RETRAIN_POLICY)],
    *[(RETRAIN_RUN, "", verb) for verb in ("create", "patch", "delete")],
    *[(DEPLOYMENT, "", verb) for verb in ("get", "list", "watch", "create", "patch", "delete")],
    *[(CONTROLLER_REVISION, "", verb) for verb in ("list", "create", "patch", "delete")],
    *[(SERVICE, "", verb) for verb in ("get", "list", "watch", "create", "patch")],
    *[
        (kind, "", verb)
        for kind in (HTTP_ROUTE, GRPC_ROUTE)
        for verb in ("get", "list", "watch", "create", "patch", "delete")
    ],
    *[(VIRTUAL_SERVICE, "", verb) for verb in ("get", "list", "watch", "patch")],
    (MODEL_ROLLOUT, "", "patch"),
    *[(kind, "", "get") for kind in (GATEWAY, GATEWAY_CLASS)],
    *[(ENDPOINT_SLICE, "", verb) for verb in ("list", "watch")],
    (CONFIG_MAP, "", "get"),
    (POD, "", "list"),
    (EVENT, "", "create"),
]
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


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


@pytest.mark.parametrize("values", [SOURCES, ""], ids=["sources", "none"])
def test_the_operator_can_read_the_configuration_that_the_chart_writes(values: str, tmp_path: Path) -> None:
    given, written = tmp_path / "values.yaml", tmp_path / "config.yaml"
    given.write_text(values)
    written.write_text(one(rendered("default", "-f", str(given)), "ConfigMap")["data"]["config.yaml"])
    wanted = yaml.safe_load(values) or {}
    defaults = {
        "rolloutLimits": {"concurrentPerNamespace": 0},
        "smokeCheck": {"proxy": ""},
        "audit": {"to": "Disabled"},
    }
    found = yaml.safe_load(written.read_text())
    assert {name: value for name, value in found.items() if value} == defaults | wanted
    parsed = read_configuration(written)
    assert parsed.limits.concurrent == wanted.get("rolloutLimits", {}).get("concurrentPerNamespace", 0)
    assert parsed.smoke.proxy == wanted.get("smokeCheck", {}).get("proxy", "")
    for section, (field, _) in SECTIONS.items():
        if section not in defaults:
            assert set(getattr(parsed, field)) == {entry["name"] for entry in wanted.get(section, [])}


def test_the_secrets_of_a_source_are_mounted_where_its_files_are_named(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(SOURCES)
    objects = rendered("default", "-f", str(values), "--set", "secretMounts={metrics}")
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "secret-metrics"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == "secret-metrics"]
    token_file = yaml.safe_load(SOURCES)["metricSources"][0]["auth"]["bearer"]["tokenFile"]
    assert token_file.startswith(f"{mount['mountPath']}/")
    assert volume["secret"] == {"secretName": "metrics"}


def test_a_token_for_a_pipeline_server_is_projected_where_its_file_is_named(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(SOURCES)
    token = "tokenMounts[0].name=kubeflow,tokenMounts[0].audience=pipelines.kubeflow.org"
    pod = one(rendered("default", "-f", str(values), "--set", token), "Deployment")["spec"]["template"]["spec"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "token-kubeflow"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == "token-kubeflow"]
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"
    token_file = yaml.safe_load(SOURCES)["pipelineServers"][0]["auth"]["bearer"]["tokenFile"]
    assert token_file == f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"


AUDIT_FILE = "audit.to=File,audit.path=/var/log/modelwright/audit.jsonl,audit.claim=audit"


def test_an_audit_file_lies_on_the_volume_that_is_mounted_for_it(tmp_path: Path) -> None:
    objects, written = rendered("default", "--set", AUDIT_FILE), tmp_path / "config.yaml"
    written.write_text(one(objects, "ConfigMap")["data"]["config.yaml"])
    target = read_configuration(written).audit
    assert (target.to, target.path) == (To.FILE, Path("/var/log/modelwright/audit.jsonl"))
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "audit"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == "audit"]
    assert str(target.path) == f"{mount['mountPath']}/audit.jsonl"
    assert "readOnly" not in mount
    assert volume["persistentVolumeClaim"] == {"claimName": "audit"}
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


@pytest.mark.parametrize("wrong", ["audit.to=File", "audit.to=Stdout,audit.claim=audit", "audit.path=/var/log/a"])
def test_an_audit_file_needs_a_place_and_only_a_file_has_one(wrong: str) -> None:
    assert helm("template", RELEASE, CHART, "--set", wrong).returncode != 0


def test_events_reach_the_operator_only_where_somebody_may_send_them(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(SOURCES)
    assert not [body for body in rendered("default") if body["kind"] == "Service"]
    objects = rendered("default", "-f", str(values))
    service = one(objects, "Service")
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}


def test_a_changed_configuration_restarts_the_pods(tmp_path: Path) -> None:
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
        ("metricSources[0].name=default,metricSources[0].url=http://p:9090,metricSources[0].auth.token=abc", "token"),
        ("metricProfiles[0].name=online,metricProfiles[0].metrics={}", "metrics"),
        ("admission.approveVerb=Yes", "approveVerb"),
        ("admission.recordWriters={it's me}", "recordWriters"),
        ("uninstall.deadline=4m", "deadline"),
        ("podDisruptionBudget.minAvailable=some", "minAvailable"),
        ("networkPolicy.metricsFrom[0].pods=all", "pods"),
        ("serviceMonitor.interval=often", "interval"),
        ("pipelineServers[0].name=default,pipelineServers[0].url=http://k:8888", "resultRoot"),
    ],
)
def test_a_typo_in_the_values_is_refused_by_its_name(option: str, named: str) -> None:
    told = helm("template", RELEASE, CHART, "--set", option)
    assert told.returncode != 0
    assert named in told.stderr


BETA = "admissionregistration.k8s.io/v1beta1"
OPTIONAL = {
    "podDisruptionBudget": "PodDisruptionBudget",
    "networkPolicy": "NetworkPolicy",
    "serviceMonitor": "ServiceMonitor",
}


@pytest.mark.parametrize(("value", "kind"), OPTIONAL.items())
def test_what_not_every_cluster_has_is_off_until_it_is_asked_for(value: str, kind: str) -> None:
    assert kind not in {body["kind"] for body in rendered("default")}
    assert kind in {body["kind"] for body in rendered("default", "--set", f"{value}.enabled=true")}


async def test_a_cluster_accepts_the_optional_objects(cluster: Cluster, namespace: str) -> None:
    peers = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring"
    options = [part for value in OPTIONAL for part in ("--set", f"{value}.enabled=true")]
    objects = rendered(namespace, *options, "--set", peers)
    kinds = (POD_DISRUPTION_BUDGET, NETWORK_POLICY, SERVICE)
    for kind in kinds:
        await cluster.create(kind, one(objects, kind.name), dry_run=True, strict=True)
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    budget, network, service = (one(objects, kind.name)["spec"] for kind in kinds)
    for selector in (budget["selector"]["matchLabels"], network["podSelector"]["matchLabels"], service["selector"]):
        assert selector.items() <= labels.items()


def test_prometheus_finds_the_operators_metrics_where_it_serves_them() -> None:
    pod = one(rendered("default"), "Deployment")["spec"]["template"]
    (port,) = [p["containerPort"] for p in pod["spec"]["containers"][0]["ports"] if p["name"] == "metrics"]
    annotations = pod["metadata"]["annotations"]
    assert (annotations["prometheus.io/scrape"], annotations["prometheus.io/port"]) == ("true", str(port))
    (option,) = [parameter for parameter in run.params if parameter.name == "metrics_port"]
    assert option.default == port


@pytest.mark.parametrize(
    ("options", "version"),
    [
        (("--kube-version", "1.36.0"), "admissionregistration.k8s.io/v1"),
        (("--kube-version", "1.35.0"), ""),
        (
            (
                "--kube-version",
                "1.35.0",
                "--api-versions",
                f"{BETA}/MutatingAdmissionPolicy",
            ),
            BETA,
        ),
        (("--set", "admission.enabled=false"), ""),
    ],
    ids=["1.36", "1.35", "1.35 with the beta", "switched off"],
)
def test_commands_are_stamped_where_the_api_server_can(options: tuple[str, ...], version: str) -> None:
    stamping = [body["apiVersion"] for body in rendered("default", *options) if body["kind"].startswith("Mutating")]
    # A policy and its binding each, for commands on rollouts and on policies, and answers on runs.
    assert stamping == ([version] * 6 if version else [])


def test_the_chart_passes_helms_own_lint() -> None:
    told = helm("lint", "--strict", CHART)
    assert told.returncode == 0, told.stdout
