"""How smoke checks reach pods, as the platform configures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import refuse_unknown


@dataclass(frozen=True)
class SmokeChecks:
    """`proxy` is the HTTP proxy through which pods are asked, as "http://host:port"; "" for none."""

    proxy: str = ""


def parse_smoke_checks(configuration: Mapping[str, Any]) -> SmokeChecks:
    """The section `smokeCheck`. Raises InvalidSpec with the path of the field that has to change."""
    fields = Fields(configuration, "").section_or_empty("smokeCheck")
    refuse_unknown(fields, ("proxy",))
    proxy = fields.text("proxy", "").rstrip("/")
    if proxy and not _is_proxy(proxy):
        # What it is is not repeated: it may hold a password.
        raise fields.refuse("proxy", "must be http://host:port, without credentials or a path")
    return SmokeChecks(proxy)


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.port is not None and url == f"http://{parts.netloc}" and "@" not in url
    except ValueError:
        return False
