"""What a probe is, and what a row of its results means. Pure: asking is in `checks`, the clock in `probing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelwright_playground.node.errors import config_error


@dataclass(frozen=True)
class Probe:
    """Times are in seconds. `action` is the part of the manifest that says what to ask."""

    action: Mapping[str, Any]
    initial_delay: float
    period: float
    timeout: float
    success_threshold: int
    failure_threshold: int
    grace: int | None

    @classmethod
    def parse(cls, spec: Mapping[str, Any], where: str) -> Probe:
        """`where` names the probe in messages. gRPC probes are refused."""
        if "grpc" in spec:
            raise config_error(f"{where}: gRPC probes are not supported by the playground's node; use httpGet or exec")
        return cls(
            action={key: spec[key] for key in ("httpGet", "tcpSocket", "exec") if key in spec},
            initial_delay=spec.get("initialDelaySeconds", 0),
            period=spec.get("periodSeconds", 10),
            timeout=spec.get("timeoutSeconds", 1),
            success_threshold=spec.get("successThreshold", 1),
            failure_threshold=spec.get("failureThreshold", 3),
            grace=spec.get("terminationGracePeriodSeconds"),
        )


@dataclass(frozen=True)
class Standing:
    """The verdict so far, and the row of equal results that may change it. `passing` None: not decided yet."""

    passing: bool | None
    row_ok: bool = True
    row_length: int = 0

    def after(self, ok: bool, probe: Probe) -> Standing:
        length = self.row_length + 1 if self.row_length and self.row_ok == ok else 1
        threshold = probe.success_threshold if ok else probe.failure_threshold
        decided = replace(self, row_ok=ok, row_length=length)
        return replace(decided, passing=ok) if length >= threshold else decided


@dataclass(frozen=True)
class Port:
    """Where a probe knocks. `number` is resolved from the container's port names."""

    number: int

    @classmethod
    def resolve(cls, port: int | str, container: Mapping[str, Any]) -> Port:
        if isinstance(port, int):
            return cls(port)
        for candidate in container.get("ports") or []:
            if candidate.get("name") == port:
                return cls(int(candidate["containerPort"]))
        if port.isdigit():
            return cls(int(port))
        raise config_error(f"container {container['name']} has no port named {port}")
