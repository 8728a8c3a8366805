"""The load's control address: change the concept or the rate, and read what was seen. No guard: loopback only."""

import json
import math
import time

from aiohttp import web

from modelwright_playground.load.client import Client
from modelwright_playground.load.stats import Stats

MAX_RATE = 5000


def application(client: Client, stats: Stats) -> web.Application:
    """POST /concept {"concept": "after"}, POST /rate {"rate": 50}, GET /stats; bad input: 400 and {"error": ...}."""

    async def concept(request: web.Request) -> web.Response:
        wanted = await _field(request, "concept")
        if wanted == "before":
            client.concept = "before"
        elif wanted == "after":
            client.concept = "after"
        else:
            return _refused('{"concept": "before"} or {"concept": "after"} is needed')
        return _settings(client)

    async def rate(request: web.Request) -> web.Response:
        wanted = await _field(request, "rate")
        if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not is_rate(wanted):
            return _refused(f'{{"rate": requests per second}} is needed, from 0 to {MAX_RATE}')
        client.rate = float(wanted)
        return _settings(client)

    async def read(_: web.Request) -> web.Response:
        return web.json_response({"concept": client.concept, "rate": client.rate, **stats.report(time.time())})

    app = web.Application(client_max_size=1 << 12)
    app.add_routes([web.post("/concept", concept), web.post("/rate", rate), web.get("/stats", read)])
    return app


def is_rate(value: float) -> bool:
    """Whether this many requests a second can be asked for."""
    return math.isfinite(value) and 0 <= value <= MAX_RATE


def _settings(client: Client) -> web.Response:
    return web.json_response({"concept": client.concept, "rate": client.rate})


def _refused(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)


async def _field(request: web.Request, name: str) -> object:
    try:
        body = json.loads(await request.read())
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None
