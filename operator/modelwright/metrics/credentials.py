"""How the operator shows itself to a metric source: read from its own configuration, never from a tenant's object.

Secrets are files, mounted by the chart. They are read again for every request, so that a rotated one needs no restart.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelwright.api.fields import Fields
from modelwright.errors import InvalidSpec
from modelwright.metrics.reasons import Reason, Unanswered

# Only these, so that no header can say who asks (Authorization, Cookie) or for whom (X-Forwarded-…) behind our back.
TENANT_HEADERS = ("X-Scope-OrgID", "THANOS-TENANT", "X-Prometheus-Tenant", "AccountID", "ProjectID")

_HEADER_VALUE = re.compile(r"[!-~]{1,256}")
_LARGEST_SECRET = 64 * 1024


@dataclass(frozen=True)
class Bearer:
    token_file: str


@dataclass(frozen=True)
class Basic:
    username: str
    password_file: str


@dataclass(frozen=True)
class SigV4:
    """Amazon's signature, with the credentials that awscrt finds: a service account's role, a profile, the node's."""

    region: str
    service: str = "aps"


@dataclass(frozen=True)
class Tls:
    """`ca_file` replaces the system's authorities; `certificate_file` and `key_file` are our own side of mTLS."""

    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


@dataclass(frozen=True)
class Header:
    """A tenant header. Exactly one of `value` and `value_file`."""

    name: str
    value: str = ""
    value_file: str = ""


Auth = Bearer | Basic | SigV4


@dataclass(frozen=True)
class Credentials:
    auth: Auth | None = None
    tls: Tls = Tls()
    headers: tuple[Header, ...] = ()

    def sent(self) -> dict[str, str]:
        """The headers of a request sent now. Raises Unanswered where a file cannot be used. SigV4 signs elsewhere."""
        headers = {header.name: header.value or _secret(header.value_file, header.name) for header in self.headers}
        if isinstance(self.auth, Bearer):
            headers["Authorization"] = f"Bearer {_secret(self.auth.token_file, 'bearer token')}"
        elif isinstance(self.auth, Basic):
            password = _secret(self.auth.password_file, "password")
            joined = f"{self.auth.username}:{password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(joined).decode()}"
        return headers


def parse_credentials(fields: Fields) -> Credentials:
    """The `auth`, `tls` and `headers` of a source. Raises InvalidSpec with the path of what has to change."""
    auth, tls = fields.maybe_section("auth"), fields.maybe_section("tls")
    return Credentials(
        auth=_auth(auth) if auth else None,
        tls=_tls(tls) if tls else Tls(),
        headers=tuple(_header(header) for header in fields.sections("headers")),
    )


def refuse_unknown(fields: Fields, known: tuple[str, ...]) -> None:
    """A misspelt field must not silently mean "without"."""
    unknown = sorted(set(fields.as_written()) - set(known))
    if unknown:
        raise InvalidSpec(fields.at(unknown[0]), f"is not known; known here are {', '.join(known)}")


def _auth(fields: Fields) -> Auth:
    kinds: Mapping[str, tuple[tuple[str, ...], Callable[[Fields], Auth]]] = {
        "bearer": (("tokenFile",), lambda found: Bearer(_file(found, "tokenFile"))),
        "basic": (("username", "passwordFile"), _basic),
        "sigV4": (("region", "service"), lambda found: SigV4(found.text("region"), found.text("service", "aps"))),
    }
    refuse_unknown(fields, tuple(kinds))
    kind = fields.exactly_one(*kinds)
    known, read = kinds[kind]
    section = fields.section(kind)
    refuse_unknown(section, known)
    return read(section)


def _basic(fields: Fields) -> Basic:
    username = fields.text("username")
    if ":" in username:
        raise fields.refuse("username", "must not contain a colon: the server would cut it there")
    return Basic(username, _file(fields, "passwordFile"))


def _tls(fields: Fields) -> Tls:
    refuse_unknown(fields, ("caFile", "certFile", "keyFile"))
    if fields.has("certFile") != fields.has("keyFile"):
        missing = "keyFile" if fields.has("certFile") else "certFile"
        raise fields.refuse(missing, "must be set: a certificate and its key go together")
    return Tls(*(_file(fields, name) if fields.has(name) else "" for name in ("caFile", "certFile", "keyFile")))


def _header(fields: Fields) -> Header:
    refuse_unknown(fields, ("name", "value", "valueFile"))
    name = fields.text("name")
    canonical = next((known for known in TENANT_HEADERS if known.lower() == name.lower()), None)
    if canonical is None:
        raise fields.refuse("name", f"must be one of {', '.join(TENANT_HEADERS)}; found {name!r}")
    if fields.exactly_one("value", "valueFile") == "valueFile":
        return Header(canonical, value_file=_file(fields, "valueFile"))
    value = fields.text("value")
    if not _HEADER_VALUE.fullmatch(value):
        raise fields.refuse("value", "must be 1 to 256 printable characters without spaces")
    return Header(canonical, value=value)


def _file(fields: Fields, name: str) -> str:
    path = fields.text(name)
    if not path.startswith("/"):
        raise fields.refuse(name, "must be the absolute path of a file in the operator's container")
    return path


def _secret(path: str, what: str) -> str:
    """The content of a file. TRAP: neither its path nor its content may reach a message, which tenants read."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_SECRET + 1)
        text = content.decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise Unanswered(Reason.CREDENTIALS_UNUSABLE, f"its {what} cannot be read by the operator") from None
    if not text or len(content) > _LARGEST_SECRET or not text.isprintable():
        raise Unanswered(Reason.CREDENTIALS_UNUSABLE, f"its {what} is empty or more than one line")
    return text
