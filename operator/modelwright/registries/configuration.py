"""Model registries as the platform configures them: tenants name one, they never address one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import Credentials, SigV4, parse_credentials, refuse_unknown
from modelwright.named import by_name, usable

_KNOWN = ("name", "url", "interval", "timeout", "namespaces", "auth", "tls")


@dataclass(frozen=True)
class Registry:
    """An MLflow server. `interval` is how often an alias is asked for, `timeout` bounds each request."""

    name: str
    url: str
    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=10)
    namespaces: tuple[str, ...] = ("*",)
    credentials: Credentials = field(default_factory=Credentials)

    def allows(self, namespace: str) -> bool:
        return "*" in self.namespaces or namespace in self.namespaces


def parse_registries(configuration: Mapping[str, Any]) -> dict[str, Registry]:
    """The registries of `modelRegistries`, by name. Raises InvalidSpec with the path of what has to change."""
    return by_name(configuration, "modelRegistries", _parse, "registries")


def registry_for(namespace: str, name: str, registries: Mapping[str, Registry], path: str) -> Registry:
    """The registry called `name`, or InvalidSpec at `path` with those that `namespace` may use."""
    return usable(namespace, name, registries, "model registry ", path)


def _parse(fields: Fields) -> Registry:
    refuse_unknown(fields, _KNOWN)
    name, url = fields.text("name"), fields.text("url").rstrip("/")
    if not name:
        raise fields.refuse("name", "must not be empty")
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.username or address.query:
        raise fields.refuse("url", "must be an http or https address, without user name, password and query")
    registry = Registry(
        name,
        url,
        fields.duration("interval", Registry.interval),
        fields.duration("timeout", Registry.timeout),
        fields.texts("namespaces") if fields.has("namespaces") else ("*",),
        parse_credentials(fields),
    )
    if isinstance(registry.credentials.auth, SigV4):
        raise fields.refuse("auth", "must be `bearer` or `basic`")
    if registry.credentials.auth and address.scheme != "https" and not address.hostname.startswith("127."):
        raise fields.refuse("auth", "must go with an https address: the secret would be sent in the open")
    for bounded in ("interval", "timeout"):
        if getattr(registry, bounded) < timedelta(seconds=1):
            raise fields.refuse(bounded, "must be at least 1s")
    return registry
