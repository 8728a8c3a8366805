"""Receivers of events as the platform configures them: who may send, in which form, for which namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelwright.api.fields import Fields
from modelwright.errors import InvalidSpec
from modelwright.metrics.credentials import refuse_unknown
from modelwright.named import by_name

_KNOWN = ("name", "format", "namespaces", "perMinute", "auth")


class Format(StrEnum):
    CLOUD_EVENTS = "CloudEvents"
    ALERTMANAGER = "Alertmanager"
    MLFLOW = "MLflow"
    LABEL_STUDIO = "LabelStudio"


@dataclass(frozen=True)
class Token:
    """The sender shows the content of `file` as a bearer token."""

    file: str


@dataclass(frozen=True)
class Hmac:
    """The sender signs the body with the content of `key_file` (SHA-256). `header` carries `sha256=<hex>`.

    MLflow has a form of its own, which signs delivery and time too; `header` is then not looked at.
    """

    key_file: str
    header: str = "X-Hub-Signature-256"


@dataclass(frozen=True)
class Receiver:
    """One address, `/events/<name>/<namespace>`. `per_minute` bounds what it takes in."""

    name: str
    auth: Token | Hmac
    format: Format = Format.CLOUD_EVENTS
    namespaces: tuple[str, ...] = ("*",)
    per_minute: int = 60

    def allows(self, namespace: str) -> bool:
        return "*" in self.namespaces or namespace in self.namespaces


def parse_receivers(configuration: Mapping[str, Any]) -> dict[str, Receiver]:
    """The receivers of `eventReceivers`, by name. Raises InvalidSpec with the path of what has to change."""
    return by_name(configuration, "eventReceivers", _parse, "receivers")


def _parse(fields: Fields) -> Receiver:
    refuse_unknown(fields, _KNOWN)
    per_minute = fields.integer("perMinute", Receiver.per_minute)
    if not 1 <= per_minute <= 6000:
        raise fields.refuse("perMinute", f"must be between 1 and 6000, found {per_minute}")
    return Receiver(
        name=fields.text("name"),
        auth=_auth(fields.section("auth")),
        format=fields.choice("format", Format, Receiver.format),
        namespaces=fields.texts("namespaces") if fields.has("namespaces") else ("*",),
        per_minute=per_minute,
    )


def _auth(fields: Fields) -> Token | Hmac:
    refuse_unknown(fields, ("bearer", "hmac"))
    if fields.exactly_one("bearer", "hmac") == "bearer":
        section = fields.section("bearer")
        refuse_unknown(section, ("tokenFile",))
        return Token(_file(section, "tokenFile"))
    section = fields.section("hmac")
    refuse_unknown(section, ("keyFile", "header"))
    return Hmac(_file(section, "keyFile"), section.text("header", Hmac.header))


def _file(fields: Fields, name: str) -> str:
    path = fields.text(name)
    if not path.startswith("/"):
        raise InvalidSpec(fields.at(name), "must be the absolute path of a file in the operator's container")
    return path
