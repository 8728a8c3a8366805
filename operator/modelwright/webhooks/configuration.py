"""Webhooks as the platform configures them: tenants name one, they never address one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import Tls, refuse_unknown
from modelwright.named import by_name, usable

_KNOWN = ("name", "url", "keyFile", "timeout", "namespaces", "tls")
LONGEST_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True)
class Webhook:
    """`key_file` holds the key that requests are signed with; `timeout` bounds each of them."""

    name: str
    url: str
    key_file: str
    timeout: timedelta = timedelta(seconds=5)
    namespaces: tuple[str, ...] = ("*",)
    tls: Tls = field(default_factory=Tls)

    def allows(self, namespace: str) -> bool:
        return "*" in self.namespaces or namespace in self.namespaces


def parse_webhooks(configuration: Mapping[str, Any]) -> dict[str, Webhook]:
    """The webhooks of `webhooks`, by name. Raises InvalidSpec with the path of what has to change."""
    return by_name(configuration, "webhooks", _parse, "webhooks")


def webhook_for(namespace: str, name: str, webhooks: Mapping[str, Webhook], path: str) -> Webhook:
    """The webhook called `name`, or InvalidSpec at `path` with those that `namespace` may use."""
    return usable(namespace, name, webhooks, "webhook ", path)


def _parse(fields: Fields) -> Webhook:
    refuse_unknown(fields, _KNOWN)
    name, url, tls = fields.text("name"), fields.text("url"), fields.maybe_section("tls")
    if not name:
        raise fields.refuse("name", "must not be empty")
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.username or address.fragment:
        raise fields.refuse("url", "must be an http or https address, without user name, password and fragment")
    key_file = fields.text("keyFile")
    if not key_file.startswith("/"):
        raise fields.refuse("keyFile", "must be the absolute path of a file in the operator's container")
    timeout = fields.duration("timeout", Webhook.timeout)
    if not timedelta(seconds=1) <= timeout <= LONGEST_TIMEOUT:
        raise fields.refuse("timeout", "must be between 1s and 30s")
    if tls:
        refuse_unknown(tls, ("caFile",))
    namespaces = fields.texts("namespaces") if fields.has("namespaces") else Webhook.namespaces
    return Webhook(name, url, key_file, timeout, namespaces, Tls(tls.text("caFile")) if tls else Tls())
