"""A namespace that the chart's admission policies guard, and people who try things in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from tests.contract.chart import rendered
from tests.contract.corpus import HERE, merged, read

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import MODEL_ROLLOUT, NAMESPACE, RETRAIN_RUN, SERVICE_ACCOUNT, Kind
from modelwright.errors import InvalidSpec, Unavailable

ADMISSION = ("admissionregistration.k8s.io", "v1")
VALIDATING = Kind(*ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False)
RBAC = ("rbac.authorization.k8s.io", "v1")
ROLE_BINDING = Kind(*RBAC, "rolebindings", "RoleBinding")
INSTALLED = {
    kind.name: kind
    for kind in (
        VALIDATING,
        Kind(*ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", namespaced=False),
        Kind(*ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy", namespaced=False),
        Kind(*ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", namespaced=False),
        Kind(*RBAC, "clusterroles", "ClusterRole", namespaced=False),
        Kind(*RBAC, "roles", "Role"),
        ROLE_BINDING,
        SERVICE_ACCOUNT,
    )
}
PATIENCE = 180.0
COMMAND, ACTOR = "modelwright.dev/command", "modelwright.dev/actor"
Object = dict[str, Any]


@dataclass(frozen=True)
class Policed:
    """`user` may edit in `namespace`; `account` is the user name of the release's operator."""

    kubeconfig: str
    namespace: str
    user: str = "alice"

    @property
    def release(self) -> str:
        return f"{self.namespace}-modelwright"

    @property
    def account(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.release}"

    async def connect(self, user: str = "") -> Cluster:
        """A connection as `user`, by default as administrator."""
        configuration = Configuration()
        await config.load_kube_config(config_file=self.kubeconfig, client_configuration=configuration)
        return Cluster(ApiClient(configuration, *(("Impersonate-User", user) if user else ())))


@contextmanager
def policed(kubeconfig: str, namespace: str, *options: str) -> Iterator[Policed]:
    """Install what the chart renders with `options`, work in it, take it away again."""
    place = Policed(kubeconfig, namespace)
    watched = ("--set", f"watchNamespaces={{{namespace}}}", *options)
    objects = [body for body in rendered(namespace, *watched, release=namespace) if body["kind"] in INSTALLED]
    objects = [body for body in objects if "helm.sh/hook" not in body["metadata"].get("annotations", {})]
    # The API server takes up policies, and bindings, in the order in which they were stored: once those about
    # commands are in force, which `_install` tries, all are.
    objects.sort(key=lambda body: str(body["metadata"]["name"]).endswith("-commands"))
    asyncio.run(_install(place, objects))
    try:
        yield place
    finally:
        asyncio.run(_remove(place, objects))


def rollout(place: Policed, name: str, annotations: dict[str, str] | None = None) -> Object:
    body = read(HERE / "accepted" / "rollout.yaml")[0]
    metadata = {"name": name, "namespace": place.namespace, "annotations": annotations or {}}
    return dict(merged(body, {"metadata": metadata}))


def run(place: Policed, name: str) -> Object:
    body = read(HERE / "accepted" / "run.yaml")[0]
    return dict(merged(body, {"metadata": {"name": name, "namespace": place.namespace}}))


async def _install(place: Policed, objects: list[Object]) -> None:
    cluster = await place.connect()
    await cluster.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}})
    for body in [*objects, binding(place, place.user, "ClusterRole", "edit")]:
        await cluster.create(INSTALLED[body["kind"]], body, strict=True)
    kinds = {body["kind"] for body in objects}
    commanded = rollout(place, "probe", {COMMAND: "abort/1/a", ACTOR: "admin"})
    async with asyncio.timeout(PATIENCE):
        await until(lambda: _is_refused(cluster, RETRAIN_RUN, run(place, "probe")))
        await until(lambda: _is_refused(cluster, MODEL_ROLLOUT, commanded))
        if "MutatingAdmissionPolicy" in kinds:
            await until(lambda: _is_created(cluster, rollout(place, "probe")))
            await until(lambda: _is_stamped(cluster, place))
        user, operator = await place.connect(place.user), await place.connect(place.account)
        await until(lambda: may(user.create(MODEL_ROLLOUT, rollout(place, "allowed"), dry_run=True)))
        await until(lambda: may(operator.list(RETRAIN_RUN, place.namespace)))
    for connection in (user, operator, cluster):
        await connection.close()


async def _remove(place: Policed, objects: list[Object]) -> None:
    cluster = await place.connect()
    for body in objects:
        kind = INSTALLED[body["kind"]]
        await cluster.delete(kind, body["metadata"].get("namespace"), body["metadata"]["name"])
    await cluster.delete(NAMESPACE, None, place.namespace)
    await cluster.close()


def binding(place: Policed, user: str, role_kind: str, role: str) -> Object:
    """A RoleBinding that gives `user` a role in the namespace."""
    group = ROLE_BINDING.group
    return {
        "apiVersion": ROLE_BINDING.api_version,
        "kind": ROLE_BINDING.name,
        "metadata": {"name": f"{user}-{role}", "namespace": place.namespace},
        "roleRef": {"apiGroup": group, "kind": role_kind, "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    # Policies and roles come into force a moment after they are stored, and nothing says when. Until a mutating policy
    # has learnt the types of fresh CRDs, the API server answers 503.
    while True:
        with suppress(Unavailable):
            if await reached():
                return
        await asyncio.sleep(0.05)


async def _is_refused(cluster: Cluster, kind: Kind, body: Object) -> bool:
    try:
        await cluster.create(kind, body, dry_run=True)
    except (InvalidSpec, Forbidden):
        return True
    return False


async def _is_created(cluster: Cluster, body: Object) -> bool:
    await cluster.create(MODEL_ROLLOUT, body)
    return True


async def _is_stamped(cluster: Cluster, place: Policed) -> bool:
    try:
        await cluster.merge_patch(
            MODEL_ROLLOUT, place.namespace, "probe", {"metadata": {"annotations": {COMMAND: "abort/1/a"}}}
        )
    except InvalidSpec:
        return False
    return True


async def may(trying: Awaitable[Any]) -> bool:
    """Whether RBAC has been told by now that it is allowed."""
    try:
        await trying
    except Forbidden:
        return False
    return True
