"""An alert that fires is told until it is resolved, and is one occurrence however often it is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.ports import free_port

from conformance.alertmanager.__main__ import ALERTMANAGER
from conformance.installing import go_program
from conformance.receiving import Listener, listening
from conformance.running import running
from modelwright.receiving.configuration import Format, Receiver, Token

CONFIGURATION = """
route: {{receiver: modelwright, group_wait: 0s, group_interval: 1s, repeat_interval: 2s}}
receivers:
- name: modelwright
  webhook_configs:
  - url: http://127.0.0.1:{port}/events/alerts/ml
    http_config: {{authorization: {{credentials_file: {token}}}}}
"""
ALERT = {"labels": {"alertname": "ChurnModelDegraded", "model": "churn"}, "annotations": {"summary": "accuracy"}}


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    (tmp_path / "token").write_text("secret")
    with listening(Receiver("alerts", Token(str(tmp_path / "token")), Format.ALERTMANAGER)) as listener:
        yield listener


@pytest.fixture
def alertmanager(listener: Listener, tmp_path: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    file = tmp_path / "alertmanager.yml"
    file.write_text(CONFIGURATION.format(port=listener.port, token=tmp_path / "token"))
    command = [
        str(go_program(*ALERTMANAGER)),
        *(f"--config.file={file}", f"--storage.path={tmp_path / 'data'}"),
        *(f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address="),
    ]
    with running(command, f"{url}/-/ready", tmp_path / "log", os.environ):
        yield url


def test_a_firing_alert_is_believed_and_known_again_each_time(alertmanager: str, listener: Listener) -> None:
    requests.post(f"{alertmanager}/api/v2/alerts", json=[ALERT], timeout=30).raise_for_status()
    first, again = listener.next(), listener.next()
    assert first.believed
    (alert,) = first.occurrences
    assert (alert.type, alert.is_alert) == ("ChurnModelDegraded", True)
    assert alert.labels == ALERT["labels"]
    assert again.occurrences == first.occurrences


def test_an_alert_that_is_resolved_is_no_occurrence(alertmanager: str, listener: Listener) -> None:
    requests.post(f"{alertmanager}/api/v2/alerts", json=[ALERT], timeout=30).raise_for_status()
    assert listener.next().occurrences
    over = {**ALERT, "endsAt": "2026-01-01T00:00:00Z", "startsAt": "2025-12-31T00:00:00Z"}
    requests.post(f"{alertmanager}/api/v2/alerts", json=[over], timeout=30).raise_for_status()
    while (received := listener.next()).occurrences:
        assert received.believed
    assert received.believed
