"""Reading requests: JSON bodies whose fields are what the API says, or an error that names the field."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from modelwright_playground.kubeflow.errors import invalid


async def json_body(request: web.Request) -> dict[str, Any]:
    """The body as an object; ApiError if it is something else."""
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError as error:
        raise invalid(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise invalid(f"found {type(body).__name__} as the body, need an object")
    return body


def text(body: dict[str, Any], name: str) -> str:
    """A text field, "" if it is not there; ApiError if it is something else."""
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise invalid(f"found {type(value).__name__} in {name}, need a string")
    return value


def struct(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object field, {} if it is not there; ApiError if it is something else."""
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise invalid(f"found {type(value).__name__} in {name}, need an object")
    return value
