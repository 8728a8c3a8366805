"""Which wishes to create a run were acted upon by this process: one intent, one create call.

A question may be asked twice at once (forgotten and wanted again while its thread still runs), so that the search
before the create is not enough. What another process did is the plan's business, which reads it from the status.
"""

from __future__ import annotations

from datetime import datetime
from threading import Lock


class Intents:
    def __init__(self) -> None:
        self._taken: dict[str, datetime] = {}
        self._lock = Lock()

    def take(self, display_name: str, intent: datetime) -> bool:
        """Whether this is the first time that `intent`, or any later one, is acted upon for `display_name`."""
        with self._lock:
            known = self._taken.get(display_name)
            if known is not None and known >= intent:
                return False
            self._taken[display_name] = intent
            return True

    def give_back(self, display_name: str) -> None:
        """It is certain that nothing was created: the same intent may be acted upon again."""
        with self._lock:
            self._taken.pop(display_name, None)
