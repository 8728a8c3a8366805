"""Pipeline servers as the platform configures them: tenants name one, they never address one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import Credentials, parse_credentials, refuse_unknown
from modelwright.named import by_name

KEYS = (
    "name",
    "uiUrl",
    "url",
    "resultRoot",
    "namespaces",
    "timeout",
    "auth",
    "tls",
    "tenancy",
    "serviceAccounts",
    "pipelineRoots",
    "packageRoots",
    "dataRoots",
)


NO_CREDENTIALS = Credentials()


class Tenancy(StrEnum):
    """`PER_NAMESPACE` is Kubeflow's multi-user mode: experiments and runs belong to the namespace of the policy."""

    SHARED = "Shared"
    PER_NAMESPACE = "PerNamespace"


@dataclass(frozen=True)
class PipelineServer:
    """A Kubeflow Pipelines API under a name.

    `result_root` is the URI below which runs leave results and models, without a trailing slash. `namespaces` may use
    the server, "*" means all. `timeout` bounds each single request to it. What a policy may name for its runs:
    `service_accounts` (none unless listed), and URIs below `pipeline_roots`, `package_roots` and `data_roots`.
    """

    name: str
    url: str
    result_root: str
    namespaces: tuple[str, ...] = ("*",)
    timeout: timedelta = timedelta(seconds=30)
    credentials: Credentials = NO_CREDENTIALS
    tenancy: Tenancy = Tenancy.SHARED
    service_accounts: tuple[str, ...] = ()
    pipeline_roots: tuple[str, ...] = ()
    package_roots: tuple[str, ...] = ()
    data_roots: tuple[str, ...] = ()
    ui_url: str = ""  # where people see a run, with "{id}" in the place of its id

    def run_url(self, id_: str) -> str:
        """Where people see the run, "" where the platform did not say."""
        return self.ui_url.replace("{id}", quote(id_, safe="")) if id_ else ""

    def allows(self, namespace: str) -> bool:
        return "*" in self.namespaces or namespace in self.namespaces

    def folder(self, namespace: str, run: str) -> str:
        """Where the run named `run` leaves everything, as a URI."""
        return f"{self.result_root}/{namespace}/{run}"


def pipeline_servers(config: Mapping[str, Any]) -> dict[str, PipelineServer]:
    """The servers under `pipelineServers` of the operator's configuration, by name. InvalidSpec says what to mend."""
    return by_name(config, "pipelineServers", _server, "servers")


def _server(entry: Fields) -> PipelineServer:
    refuse_unknown(entry, KEYS)
    url = entry.text("url").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https"):
        raise entry.refuse("url", "must begin with http:// or https://")
    root = entry.text("resultRoot").rstrip("/")
    if "://" not in root:
        raise entry.refuse("resultRoot", "must be a URI such as s3://models/results or file:///var/results")
    if not set(entry.section_or_empty("auth").as_written()) <= {"bearer", "basic"}:
        raise entry.refuse("auth", "must be `bearer` or `basic`; projected service account tokens are bearer tokens")
    timeout = entry.duration("timeout", timedelta(seconds=30))
    if timeout <= timedelta(0):
        raise entry.refuse("timeout", "must be longer than 0s")
    return PipelineServer(
        name=entry.text("name"),
        url=url,
        result_root=root,
        namespaces=entry.texts("namespaces") if entry.has("namespaces") else ("*",),
        timeout=timeout,
        credentials=parse_credentials(entry),
        tenancy=entry.choice("tenancy", Tenancy, Tenancy.SHARED),
        service_accounts=entry.texts("serviceAccounts"),
        pipeline_roots=_roots(entry, "pipelineRoots"),
        package_roots=_roots(entry, "packageRoots"),
        data_roots=_roots(entry, "dataRoots"),
        ui_url=_ui_url(entry),
    )


def _ui_url(entry: Fields) -> str:
    url = entry.text("uiUrl", "")
    if url and (urlsplit(url).scheme not in ("http", "https") or "{id}" not in url):
        raise entry.refuse("uiUrl", "must be an address with {id} in it, such as https://kubeflow/#/runs/details/{id}")
    return url


def _roots(entry: Fields, name: str) -> tuple[str, ...]:
    roots = tuple(root.rstrip("/") for root in entry.texts(name))
    if wrong := [root for root in roots if "://" not in root]:
        raise entry.refuse(name, f"must be URIs such as s3://pipelines/compiled, found {wrong[0]!r}")
    return roots
