"""Why a container cannot start yet. The text is shown in the pod's status, so it is in its author's words."""

from __future__ import annotations

from modelwright.errors import ModelwrightError


class CannotStart(ModelwrightError):
    """Shown as the container's waiting `reason` and `message`, and tried again until it works."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def config_error(message: str) -> CannotStart:
    """What the pod refers to is missing, or is something that this node cannot do."""
    return CannotStart("CreateContainerConfigError", message)
