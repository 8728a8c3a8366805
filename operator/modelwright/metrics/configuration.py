"""Which metric sources the platform offers, under which names and to whom: read from the operator's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import Credentials, SigV4, parse_credentials, refuse_unknown
from modelwright.named import by_name, usable

_KNOWN = ("name", "url", "kind", "scrapeInterval", "timeout", "namespaces", "auth", "tls", "headers")
_EVERYWHERE = "*"


class SourceKind(StrEnum):
    """Whose implementation of the Prometheus API answers. They differ in how they say that an answer is not whole."""

    PROMETHEUS = "Prometheus"
    THANOS = "Thanos"
    MIMIR = "Mimir"
    VICTORIA_METRICS = "VictoriaMetrics"

    @property
    def parameters(self) -> Mapping[str, str]:
        """What each query says besides, so that a part that cannot be asked makes an error and not a smaller number."""
        return {
            SourceKind.THANOS: {"partial_response": "false", "dedup": "true"},
            SourceKind.VICTORIA_METRICS: {"deny_partial_response": "1"},
        }.get(self, {})

    @property
    def may_refuse_what_is_right(self) -> bool:
        """TRAP: these answer 422 also when a store is away and the answer would be partial. That is nobody's PromQL."""
        return self in (SourceKind.THANOS, SourceKind.VICTORIA_METRICS)


@dataclass(frozen=True)
class MetricSource:
    """A Prometheus API. Tenants name it, only the platform addresses it. `scrape_interval` is that of its targets."""

    name: str
    url: str
    scrape_interval: timedelta = timedelta(seconds=15)
    timeout: timedelta = timedelta(seconds=10)
    namespaces: tuple[str, ...] = (_EVERYWHERE,)
    kind: SourceKind = SourceKind.PROMETHEUS
    credentials: Credentials = field(default_factory=Credentials)

    def allows(self, namespace: str) -> bool:
        """Whether objects in `namespace` may use this source."""
        return _EVERYWHERE in self.namespaces or namespace in self.namespaces

    @property
    def freshness(self) -> timedelta:
        """How old the newest sample may be: one scrape may be late and one be missed before a look is stale."""
        return max(3 * self.scrape_interval, timedelta(seconds=10))


def parse_metric_sources(configuration: Mapping[str, Any]) -> dict[str, MetricSource]:
    """The sources of `metricSources`, by name. Raises InvalidSpec with the path of the field that has to change."""
    return by_name(configuration, "metricSources", _parse, "sources")


def source_for(namespace: str, name: str, sources: Mapping[str, MetricSource], path: str) -> MetricSource:
    """The source called `name`, or InvalidSpec at `path` with those that `namespace` may use."""
    return usable(namespace, name, sources, "metric source ", path)


def _parse(fields: Fields) -> MetricSource:
    refuse_unknown(fields, _KNOWN)
    name = fields.text("name")
    if not name:
        raise fields.refuse("name", "must not be empty")
    defaults = MetricSource("", "")
    source = MetricSource(
        name,
        _url(fields),
        fields.duration("scrapeInterval", defaults.scrape_interval),
        fields.duration("timeout", defaults.timeout),
        fields.texts("namespaces") if fields.has("namespaces") else defaults.namespaces,
        fields.choice("kind", SourceKind, defaults.kind),
        parse_credentials(fields),
    )
    _refuse_open_secrets(fields, source)
    for name_of, duration in (("scrapeInterval", source.scrape_interval), ("timeout", source.timeout)):
        if duration <= timedelta(0):
            raise fields.refuse(name_of, "must be longer than 0s")
    if not source.namespaces:
        raise fields.refuse("namespaces", 'must name at least one namespace, or ["*"] for all')
    return source


def _refuse_open_secrets(fields: Fields, source: MetricSource) -> None:
    """Nothing that proves who we are goes over an open line, except to this machine."""
    credentials = source.credentials
    address = urlsplit(source.url)
    if address.scheme == "https" or (address.hostname or "").startswith("127.") or isinstance(credentials.auth, SigV4):
        return
    if credentials.auth:
        raise fields.refuse("auth", "must go with an https address: the secret would be sent in the open")
    if credentials.tls.certificate_file or credentials.tls.ca_file:
        raise fields.refuse("tls", "must go with an https address")


def _url(fields: Fields) -> str:
    url = fields.text("url")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise fields.refuse("url", f"must be an http or https address, found {url!r}")
    if parts.username or parts.password:
        # The message must not repeat what it found: it may be a password.
        raise fields.refuse("url", "must not contain a user name or password")
    if parts.query or parts.fragment:
        raise fields.refuse("url", "must end with the path of the Prometheus API, without query and fragment")
    return url.rstrip("/")
