"""Writes Kubernetes events: news that a person reads in `kubectl describe`. Losing one never fails a pass."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import EVENT
from modelwright.errors import Conflict, ModelwrightError

log = logging.getLogger(__name__)

MAX_NOTE = 1000
"""In bytes: the API server counts those, whatever it says of characters."""
CONTROLLER = "modelwright.dev/operator"


class EventRecorder:
    """`instance` names this process, usually its pod."""

    def __init__(self, cluster: Cluster, instance: str, now: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._instance = instance
        self._now = now

    async def emit(self, regarding: dict[str, Any], type_: str, reason: str, message: str) -> None:
        """Say `message` about the object `regarding`. The same news of the same second is said once."""
        metadata = regarding["metadata"]
        at = self._now()
        digest = hashlib.sha256(f"{metadata['uid']}/{reason}/{message}/{at:%Y%m%d%H%M%S}".encode()).hexdigest()[:16]
        body = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": type_,
            "reason": reason,
            "note": message.encode()[:MAX_NOTE].decode(errors="ignore"),
            "action": reason,
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128],
        }
        log.info("%s %s/%s: %s", reason, metadata["namespace"], metadata["name"], message)
        try:
            await self._cluster.create(EVENT, body)
        except Conflict:
            pass
        except ModelwrightError as error:
            log.warning("event %s was lost: %s", reason, error)
