"""The parts of a playground: what each is started with, what it waits for, and how one sees that it is ready."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from modelwright.cluster.keys import SERVICE_ACCOUNT
from modelwright_playground.controlplane import commands
from modelwright_playground.controlplane.build import binary
from modelwright_playground.instance import Instance


@dataclass(frozen=True)
class Component:
    """`after` names the components that must be ready first; `programs` what must have been built; `grace` is in
    seconds, from the request to stop until it is killed."""

    name: str
    command: Callable[[Instance], Sequence[str]]
    is_ready: Callable[[Instance], Awaitable[bool]]
    after: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    url: Callable[[Instance], str] = lambda instance: ""
    grace: float = 3.0


async def _etcd_listens(instance: Instance) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", instance.ports.etcd)
    except OSError:
        return False
    writer.close()
    return True


async def _apiserver_is_ready(instance: Instance) -> bool:
    return await _answers_well(instance, "/readyz")


async def _controllers_work(instance: Instance) -> bool:
    # It serves no port. That it has made the default service account says more than a health check would.
    return await _answers_well(instance, SERVICE_ACCOUNT.path("default", "default"))


async def _answers_well(instance: Instance, path: str) -> bool:
    """Whether the API server answers an administrator's GET of `path` with 200."""
    trust = ssl.create_default_context(cafile=str(instance.pki / "ca.crt"))
    trust.load_cert_chain(instance.pki / "admin.crt", instance.pki / "admin.key")
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"{instance.apiserver_url}{path}", ssl=trust) as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _room(name: str, *programs: str, url: Callable[[Instance], str] = lambda instance: "") -> Component:
    """A part of our own. It starts at once, asks for the API server until it answers, and says when it is ready."""

    def command(instance: Instance) -> Sequence[str]:
        return [sys.executable, "-m", f"modelwright_playground.{name}", "--dir", str(instance.dir)]

    async def is_ready(instance: Instance) -> bool:
        return (instance.ready / name).exists()

    # The node's pods end gracefully first.
    return Component(name, command, is_ready, programs=programs, url=url, grace=15.0)


COMPONENTS = {
    component.name: component
    for component in (
        Component(
            "etcd",
            lambda instance: commands.etcd(instance, binary("etcd")),
            _etcd_listens,
            programs=("etcd",),
            url=lambda instance: f"https://127.0.0.1:{instance.ports.etcd}",
        ),
        Component(
            "kube-apiserver",
            lambda instance: commands.apiserver(instance, binary("kube-apiserver")),
            _apiserver_is_ready,
            after=("etcd",),
            programs=("kube-apiserver",),
            url=lambda instance: instance.apiserver_url,
        ),
        Component(
            "kube-controller-manager",
            lambda instance: commands.controller_manager(instance, binary("kube-controller-manager")),
            _controllers_work,
            after=("kube-apiserver",),
            programs=("kube-controller-manager",),
        ),
        _room("node", url=lambda instance: instance.pod_proxy_url),
        _room("gateway", url=lambda instance: instance.gateway_url),
        _room("prometheus", "prometheus", url=lambda instance: instance.prometheus_url),
        _room("kubeflow", url=lambda instance: instance.kubeflow_url),
    )
}
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")
