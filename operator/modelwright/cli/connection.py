"""How commands reach a cluster: kubectl's flags with kubectl's meaning, and errors as one line and exit code 1."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from modelwright.errors import ModelwrightError

if TYPE_CHECKING:
    from modelwright.cluster.access import Cluster, Object

T = TypeVar("T")

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class Target:
    """A cluster and a namespace, as the flags name them."""

    namespace: str | None
    context: str | None
    kubeconfig: str | None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Cluster, str]]:
        """A connection, and the namespace: the flag's, else the context's, else `default`."""
        from modelwright.cluster.access import Cluster

        cluster = await Cluster.connect(self.kubeconfig, self.context)
        try:
            yield cluster, self.namespace or _current_namespace(self.kubeconfig, self.context)
        finally:
            await cluster.close()


def on_a_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command kubectl's flags, as one parameter `target`."""

    def with_target(namespace: str | None, context: str | None, kubeconfig: str | None, **others: Any) -> None:
        command(target=Target(namespace, context, kubeconfig), **others)

    with_target.__name__, with_target.__doc__ = command.__name__, command.__doc__
    # Options and arguments that were declared on the command already.
    with_target.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--kubeconfig", type=click.Path(), help="Path of a kubeconfig."),
        click.option("--context", help="Context of the kubeconfig."),
        click.option("--namespace", "-n", help="Default: that of the context."),
    ):
        with_target = option(with_target)
    return with_target


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; what we raise on purpose becomes a message and exit code 1."""
    try:
        return asyncio.run(work)
    except ModelwrightError as error:
        raise click.ClickException(str(error)) from None


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Reads an option such as `90s`, `5m`, `1h30m`, as in manifests."""
    from modelwright.api.durations import parse_duration

    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def span(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    """As `duration`, and also in days: `30d`."""
    if days := re.fullmatch(r"([0-9]{1,4})d", value):
        return timedelta(days=int(days[1]))
    found = duration(ctx, param, value)
    assert found is not None
    return found


async def one_rollout(cluster: Cluster, namespace: str, name: str) -> Object:
    """The ModelRollout, or a ModelwrightError that names those there are."""
    from modelwright.cluster.keys import MODEL_ROLLOUT

    body = await cluster.get(MODEL_ROLLOUT, namespace, name)
    if body is None:
        others = sorted(other["metadata"]["name"] for other in await cluster.list(MODEL_ROLLOUT, namespace))
        there_are = f"there are {', '.join(others[:10])}" if others else "there is none"
        raise ModelwrightError(f"no ModelRollout '{name}' in namespace '{namespace}': {there_are}")
    return body


async def every_change(cluster: Cluster, namespace: str, name: str) -> AsyncIterator[Object]:
    """The ModelRollout now and after every change, without end. Raises ModelwrightError once it is gone."""
    from modelwright.cluster.access import ResourceExpired
    from modelwright.cluster.keys import MODEL_ROLLOUT

    while True:
        # A watch ends by itself after a while, and says nothing of what was deleted before the next one.
        yield await one_rollout(cluster, namespace, name)
        with suppress(ResourceExpired):
            async for event, body in cluster.watch(MODEL_ROLLOUT, namespace):
                if body["metadata"]["name"] != name:
                    continue
                if event == "DELETED":
                    raise ModelwrightError(f"ModelRollout '{name}' was deleted")
                yield body


def _current_namespace(kubeconfig: str | None, context: str | None) -> str:
    from kubernetes.aio import config

    try:
        contexts, active = config.list_kube_config_contexts(kubeconfig)
    except config.ConfigException:
        return POD_NAMESPACE.read_text().strip() if POD_NAMESPACE.exists() else "default"
    chosen = next((known for known in contexts if known["name"] == context), active) if context else active
    return str((chosen or {}).get("context", {}).get("namespace") or "default")
