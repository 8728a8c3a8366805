"""What is read from requests, in the shapes that each sender documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelwright.errors import InvalidSpec
from modelwright.receiving.configuration import Format
from modelwright.receiving.formats import Occurrence, read

CLOUD_EVENT = {"specversion": "1.0", "id": "7", "type": "com.example.dataset.published", "source": "lake"}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
ALERT = {
    "status": "firing",
    "labels": {"alertname": "ChurnModelDegraded", "severity": "page"},
    "annotations": {"summary": "accuracy is low"},
    "startsAt": "2026-11-21T07:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "9f2c8a",
}
ALERTS = {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "modelwright", "alerts": [ALERT]}


def body(document: Any) -> bytes:
    return json.dumps(document).encode()


def test_a_structured_cloud_event_is_named_by_its_source_and_id() -> None:
    (found,) = read(Format.CLOUD_EVENTS, STRUCTURED, body(CLOUD_EVENT))
    assert found == Occurrence("lake|7", "com.example.dataset.published", "lake")


def test_a_binary_cloud_event_says_the_same_in_its_headers() -> None:
    headers = {f"ce-{name}": value for name, value in CLOUD_EVENT.items()}
    assert read(Format.CLOUD_EVENTS, headers, b"any payload") == read(
        Format.CLOUD_EVENTS, STRUCTURED, body(CLOUD_EVENT)
    )


def test_a_batch_of_cloud_events_is_read_whole() -> None:
    headers = {"content-type": "application/cloudevents-batch+json"}
    found = read(Format.CLOUD_EVENTS, headers, body([CLOUD_EVENT, {**CLOUD_EVENT, "id": "8"}]))
    assert [occurrence.id for occurrence in found] == ["lake|7", "lake|8"]


def test_an_alert_is_the_same_however_often_it_is_repeated_and_another_when_it_begins_again() -> None:
    (first,), (again,) = (read(Format.ALERTMANAGER, {}, body(ALERTS)) for _ in range(2))
    later = {**ALERTS, "alerts": [{**ALERT, "startsAt": "2026-11-22T07:00:00Z"}]}
    (other,) = read(Format.ALERTMANAGER, {}, body(later))
    assert first == again
    assert first.labels["alertname"] == first.type == "ChurnModelDegraded"
    assert first.id != other.id


def test_a_resolved_alert_is_no_reason_to_retrain() -> None:
    assert read(Format.ALERTMANAGER, {}, body({**ALERTS, "alerts": [{**ALERT, "status": "resolved"}]})) == ()


def test_mlflow_says_entity_and_action() -> None:
    document = {
        "entity": "model_version",
        "action": "created",
        "timestamp": "2026-11-21T07:00:00Z",
        "data": {"name": "churn", "version": "12", "source": "models:/x", "run_id": "r", "tags": {}},
    }
    (found,) = read(Format.MLFLOW, {"x-mlflow-delivery-id": "d-1"}, body(document))
    assert found == Occurrence("d-1", "org.mlflow.model_version.created", "churn")


def test_label_studio_says_its_action_and_project_and_is_known_again_by_its_content() -> None:
    document = {"action": "ANNOTATION_CREATED", "annotation": {"id": 5}, "project": {"id": 3}, "task": {"id": 9}}
    (found,), (again,) = (read(Format.LABEL_STUDIO, {}, body(document)) for _ in range(2))
    assert (found.type, found.source) == ("io.labelstudio.annotation_created", "3")
    assert found.id == again.id


@pytest.mark.parametrize(
    ("format", "headers", "content"),
    [
        (Format.CLOUD_EVENTS, STRUCTURED, b"{"),
        (Format.CLOUD_EVENTS, STRUCTURED, b"[]"),
        (Format.CLOUD_EVENTS, STRUCTURED, body({**CLOUD_EVENT, "id": ""})),
        (Format.CLOUD_EVENTS, STRUCTURED, body({**CLOUD_EVENT, "specversion": "0.3"})),
        (Format.CLOUD_EVENTS, {"content-type": "application/json"}, body(CLOUD_EVENT)),
        (Format.ALERTMANAGER, {}, body({**ALERTS, "version": "3"})),
        (Format.ALERTMANAGER, {}, body({**ALERTS, "alerts": [ALERT] * 101})),
        (Format.ALERTMANAGER, {}, body({**ALERTS, "alerts": [{**ALERT, "labels": 1}]})),
        (Format.MLFLOW, {}, body({"entity": "model_version"})),
        (Format.LABEL_STUDIO, {}, body([])),
    ],
)
def test_what_is_not_of_the_form_is_refused(format: Format, headers: dict[str, str], content: bytes) -> None:
    with pytest.raises(InvalidSpec):
        read(format, headers, content)


def test_an_id_that_is_too_long_stays_the_same_id() -> None:
    (first,), (again,) = (
        read(Format.CLOUD_EVENTS, STRUCTURED, body({**CLOUD_EVENT, "id": "x" * 5000})) for _ in range(2)
    )
    assert first.id == again.id
    assert len(first.id) <= 253
