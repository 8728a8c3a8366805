"""Errors as Kubeflow's API server reports them: a gRPC code, mapped to an HTTP status, with one form of body."""

from __future__ import annotations

from typing import Any

INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, INTERNAL = 3, 5, 6, 13
_STATUS = {INVALID_ARGUMENT: 400, NOT_FOUND: 404, ALREADY_EXISTS: 409, INTERNAL: 500}


class ApiError(Exception):
    """A request that cannot be served. `code` is one of the gRPC codes above; `message` is for the caller."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS[self.code]

    def body(self) -> dict[str, Any]:
        """The body of every answer but those of the upload routes."""
        detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": self.code, "message": self.message}
        return {"error": self.message, "code": self.code, "message": self.message, "details": [detail]}

    def upload_body(self) -> dict[str, str]:
        """The upload routes are plain HTTP in Kubeflow, and answer in another form."""
        return {"error_message": self.message, "error_details": self.message}


def invalid(message: str) -> ApiError:
    """The caller has to change the request."""
    return ApiError(INVALID_ARGUMENT, f"Invalid input error: {message}")


def not_found(kind: str, name: str) -> ApiError:
    """There is no such object (any more)."""
    return ApiError(NOT_FOUND, f"ResourceNotFoundError: {kind} {name} not found.")


def exists(message: str) -> ApiError:
    """The name is taken."""
    return ApiError(ALREADY_EXISTS, f"Already exist error: {message}")
