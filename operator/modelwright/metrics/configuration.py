"""Which metric sources the platform offers, under which names and to whom: read from the operator's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from modelwright.api.fields import Fields
from modelwright.errors import InvalidSpec

_KNOWN = ("name", "url", "scrapeInterval", "timeout", "namespaces")
_EVERYWHERE = "*"


@dataclass(frozen=True)
class MetricSource:
    """A Prometheus API. Tenants name it, only the platform addresses it. `scrape_interval` is that of its targets."""

    name: str
    url: str
    scrape_interval: timedelta = timedelta(seconds=15)
    timeout: timedelta = timedelta(seconds=10)
    namespaces: tuple[str, ...] = (_EVERYWHERE,)

    def allows(self, namespace: str) -> bool:
        """Whether objects in `namespace` may use this source."""
        return _EVERYWHERE in self.namespaces or namespace in self.namespaces

    @property
    def freshness(self) -> timedelta:
        """How old the newest sample may be: one scrape may be late and one be missed before a look is stale."""
        return max(3 * self.scrape_interval, timedelta(seconds=10))


def parse_metric_sources(configuration: Mapping[str, Any]) -> dict[str, MetricSource]:
    """The sources of `metricSources`, by name. Raises InvalidSpec with the path of the field that has to change."""
    sources: dict[str, MetricSource] = {}
    for fields in Fields(configuration, "").sections("metricSources"):
        source = _parse(fields)
        if source.name in sources:
            raise fields.refuse("name", f"two sources are named {source.name!r}, each needs a name of its own")
        sources[source.name] = source
    return sources


def _parse(fields: Fields) -> MetricSource:
    unknown = sorted(set(fields.as_written()) - set(_KNOWN))
    if unknown:
        raise InvalidSpec(fields.at(unknown[0]), f"is not known; a source has {', '.join(_KNOWN)}")
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
    )
    for field, duration in (("scrapeInterval", source.scrape_interval), ("timeout", source.timeout)):
        if duration <= timedelta(0):
            raise fields.refuse(field, "must be longer than 0s")
    if not source.namespaces:
        raise fields.refuse("namespaces", 'must name at least one namespace, or ["*"] for all')
    return source


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
