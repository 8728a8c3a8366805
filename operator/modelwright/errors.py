"""The few errors that cross rooms. Waiting is not one of them: it is a plan's `requeue_after`."""

from __future__ import annotations


class ModelwrightError(Exception):
    """Base of all errors that Modelwright raises on purpose."""


class InvalidSpec(ModelwrightError):
    """A person has to change something. `path` is where, `message` says what was found and what is needed."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class Unavailable(ModelwrightError):
    """Something outside does not answer now; the same call may work later. Never carries a response body."""


class Conflict(ModelwrightError):
    """The object changed since it was read, or exists already: read again and plan again, now."""
