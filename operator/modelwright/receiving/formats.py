"""What a request says happened, in each format that we read: pure, bytes and headers in, occurrences out.

The same occurrence has the same id however often it is delivered: that is what makes a second delivery harmless.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelwright.errors import InvalidSpec
from modelwright.receiving.configuration import Format

MAX_ALERTS = 100
MAX_TEXT = 253

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Occurrence:
    """Something happened: `id` names it among all others of its `source`, `labels` are those of an alert."""

    id: str
    type: str
    source: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    is_alert: bool = False


def read(format: Format, headers: Headers, body: bytes) -> tuple[Occurrence, ...]:
    """What happened, according to a request in `format`; `headers` have lower-case names.

    Raises InvalidSpec with what was found and what is needed.
    """
    return _READERS[format](headers, body)


def _cloud_events(headers: Headers, body: bytes) -> tuple[Occurrence, ...]:
    """CloudEvents 1.0 over HTTP: structured (one JSON object), batched (a list of them) or binary (in headers)."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/cloudevents-batch+json":
        documents = _json(body)
        if not isinstance(documents, list) or len(documents) > MAX_ALERTS:
            raise InvalidSpec("", f"must be a list of at most {MAX_ALERTS} events")
        return tuple(_cloud_event(document) for document in documents)
    if media_type == "application/cloudevents+json":
        return (_cloud_event(_json(body)),)
    if "ce-specversion" in headers:
        names = ("specversion", "id", "type", "source")
        return (_cloud_event({name: headers[f"ce-{name}"] for name in names if f"ce-{name}" in headers}),)
    raise InvalidSpec("", "must be a CloudEvent: content type application/cloudevents+json, or headers ce-*")


def _cloud_event(document: Any) -> Occurrence:
    if _text(document, "specversion") != "1.0":
        raise InvalidSpec("specversion", f"must be '1.0', found {str(document['specversion'])[:20]!r}")
    id, type, source = (_text(document, name) for name in ("id", "type", "source"))
    # An id is unique within its source only.
    return Occurrence(_short(f"{source}|{id}"), _short(type), _short(source))


def _alertmanager(headers: Headers, body: bytes) -> tuple[Occurrence, ...]:
    """Alertmanager's webhook, version 4. What is resolved is no reason to retrain."""
    document = _json(body)
    alerts = document.get("alerts") if isinstance(document, Mapping) else None
    if not isinstance(alerts, list) or document.get("version") != "4":
        raise InvalidSpec("", "must be Alertmanager's webhook, version '4', with `alerts`")
    if len(alerts) > MAX_ALERTS:
        raise InvalidSpec(
            "alerts", f"must be at most {MAX_ALERTS}, found {len(alerts)}: set max_alerts in Alertmanager"
        )
    return tuple(_alert(alert) for alert in alerts if isinstance(alert, Mapping) and alert.get("status") == "firing")


def _alert(alert: Mapping[str, Any]) -> Occurrence:
    labels = alert.get("labels")
    if not isinstance(labels, Mapping):
        raise InvalidSpec("alerts.labels", "must be an object")
    # Repeated as long as it fires: one that began at the same time is the same.
    fingerprint, began = _text(alert, "fingerprint"), _text(alert, "startsAt")
    known = {str(name): str(value) for name, value in labels.items()}
    return Occurrence(_short(f"{fingerprint}|{began}"), known.get("alertname", "")[:MAX_TEXT], "", known, is_alert=True)


def _mlflow(headers: Headers, body: bytes) -> tuple[Occurrence, ...]:
    """MLflow's webhooks: `entity` and `action` make the type, the model's name the source."""
    document = _json(body)
    type = f"org.mlflow.{_text(document, 'entity')}.{_text(document, 'action')}"
    data = document.get("data")
    name = str(data.get("name", "")) if isinstance(data, Mapping) else ""
    delivery = headers.get("x-mlflow-delivery-id", "")
    return (Occurrence(_short(delivery or _digest(body)), _short(type), _short(name) if name else ""),)


def _label_studio(headers: Headers, body: bytes) -> tuple[Occurrence, ...]:
    """Label Studio's webhooks: `action` makes the type, the project's id the source. They have no id of their own."""
    document = _json(body)
    project = document.get("project") if isinstance(document, Mapping) else None
    number = project.get("id", "") if isinstance(project, Mapping) else ""
    return (Occurrence(_digest(body), _short(f"io.labelstudio.{_text(document, 'action').lower()}"), str(number)[:20]),)


_READERS: Mapping[Format, Callable[[Headers, bytes], tuple[Occurrence, ...]]] = {
    Format.CLOUD_EVENTS: _cloud_events,
    Format.ALERTMANAGER: _alertmanager,
    Format.MLFLOW: _mlflow,
    Format.LABEL_STUDIO: _label_studio,
}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidSpec("", "must be JSON") from None


def _text(document: Any, name: str) -> str:
    found = document.get(name) if isinstance(document, Mapping) else None
    if not isinstance(found, str) or not found:
        raise InvalidSpec(name, "must be set, and a string")
    return found


def _short(text: str) -> str:
    """`text` itself, or its hash where it would not fit: it has to stay the same name for the same thing."""
    return text if len(text) <= MAX_TEXT and text.isprintable() else _digest(text.encode())


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
