"""What an API server makes of a JSON Patch, as far as the operator sends any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def patch(body: dict[str, Any], operations: Sequence[Mapping[str, Any]]) -> None:
    """Carry out `operations` on `body`, in order. A test that fails is a bug of the test that sent it."""
    for operation in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = body
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        at: Any = int(last) if isinstance(place, list) else last
        match operation["op"]:
            case "test":
                assert place[at] == operation["value"], f"{operation['path']} is not as it was read"
            case "remove":
                del place[at]
            case "add" if isinstance(place, list):
                place.insert(at, operation["value"])
            case _:
                place[at] = operation["value"]
