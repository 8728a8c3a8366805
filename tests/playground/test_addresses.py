"""Where a pod's process listens."""

from __future__ import annotations

import pytest

from modelwright_playground.addresses import OWN_ADDRESSES, local_address


def test_a_pod_listens_on_loopback_and_other_addresses_are_what_they_are() -> None:
    assert local_address("10.244.3.7") == "127.244.3.7"
    assert local_address("192.0.2.1") == "192.0.2.1"


def test_in_a_network_of_its_own_a_pod_listens_on_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWN_ADDRESSES, "1")
    assert local_address("10.244.3.7") == "10.244.3.7"
