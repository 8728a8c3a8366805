"""The HTTP side: routes, readiness, and answers counted as they leave.

The model runs in one worker thread, so that probes and metrics answer while it computes; more threads would not help
pure Python on one core.

A label finds its prediction by the request's id; row i of a request of several rows is `<id>/<i>`.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from modelwright_playground.modelserver import protocol
from modelwright_playground.modelserver.drift import Drift
from modelwright_playground.modelserver.maturity import Maturity
from modelwright_playground.modelserver.metrics import Metrics
from modelwright_playground.modelserver.model import Model, Prediction
from modelwright_playground.modelserver.settings import Settings

log = logging.getLogger("modelserver")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ModelServer:
    """Serves one model, which is set once it is loaded; until then, and while draining, it is not ready."""

    def __init__(self, settings: Settings, metrics: Metrics, maturity: Maturity, worker: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._metrics = metrics
        self._maturity = maturity
        self._worker = worker
        self._model: Model | None = None
        self._drift: Drift | None = None
        self._failures_told: set[str] = set()
        self.draining = False

    def serve(self, model: Model) -> None:
        """Become ready with this model."""
        self._metrics.expect_classes(model.classes)
        if model.reference:
            self._drift = Drift(model.reference)
            self._metrics.follow(self._drift)
        self._model = model

    def application(self) -> web.Application:
        """The routes of the Open Inference Protocol, and /metrics."""
        app = web.Application(client_max_size=1 << 20, middlewares=[_json_errors])
        app.on_response_prepare.append(self._sign)
        model = "/v2/models/{name}"
        app.add_routes(
            [
                web.get("/v2", self._about),
                web.get("/v2/health/live", self._live),
                web.get("/v2/health/ready", self._ready),
                web.get(model, self._metadata),
                web.get(f"{model}/ready", self._ready),
                web.post(f"{model}/infer", self._infer),
                web.get("/metrics", self._exposition),
            ]
        )
        return app

    async def _about(self, _: web.Request) -> web.Response:
        return web.json_response({"name": "modelwright-modelserver", "version": "1.0", "extensions": []})

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, request: web.Request) -> web.Response:
        self._known(request)
        ready = self._model is not None and not self.draining
        return web.json_response({"ready": ready}, status=200 if ready else 503)

    async def _metadata(self, request: web.Request) -> web.Response:
        self._known(request)
        if self._model is None:
            return _error(503, "the model is not loaded yet")
        settings = self._settings
        return web.json_response(protocol.metadata(settings.model_name, settings.model_version, self._model.inputs))

    async def _exposition(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": self._metrics.content_type})

    async def _infer(self, request: web.Request) -> web.Response:
        self._known(request)
        started = time.perf_counter()
        answer = await self._answer(request)
        self._metrics.request(answer.status, time.perf_counter() - started)
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        if self._model is None:
            return _error(503, "the model is not loaded yet")
        try:
            asked = protocol.parse(json.loads(await request.read()), self._model.inputs)
        except protocol.BadInput as error:
            return _error(400, str(error))
        except (ValueError, RecursionError):
            return _error(400, "the body is not JSON")
        except web.HTTPRequestEntityTooLarge:
            return _error(413, "the body is larger than 1 MiB")
        if self._drift:
            # Also what the model fails on: that is how far requests may be from what it was trained on.
            self._drift.seen(asked.rows)
        try:
            loop = asyncio.get_running_loop()
            predictions = await loop.run_in_executor(self._worker, self._model.predict, asked.rows)
        except Exception as error:  # the model is a user's code
            self._tell_once(error)
            return _error(500, f"the model failed on this input ({type(error).__name__})")
        self._follow(asked, predictions)
        settings = self._settings
        return web.json_response(protocol.response(settings.model_name, settings.model_version, asked, predictions))

    def _follow(self, asked: protocol.InferRequest, predictions: list[Prediction]) -> None:
        # Without an id no label can ever be matched, but the prediction matures like any other.
        request_id = asked.id or uuid.uuid4().hex
        for row, prediction in enumerate(predictions):
            self._metrics.prediction(prediction.label)
            name = request_id if len(predictions) == 1 else f"{request_id}/{row}"
            if not self._maturity.predicted(name, prediction.label, time.monotonic()):
                self._metrics.untracked()

    def _known(self, request: web.Request) -> None:
        name = request.match_info.get("name", self._settings.model_name)
        if name != self._settings.model_name:
            raise web.HTTPNotFound(reason=f"this server has one model, {self._settings.model_name}")

    def _tell_once(self, error: Exception) -> None:
        # At hundreds of requests a second a broken model would otherwise fill the disk with one sentence.
        kind = type(error).__name__
        if kind not in self._failures_told and len(self._failures_told) < 20:
            self._failures_told.add(kind)
            log.error("the model raised %s (said once): %s", kind, error)

    async def _sign(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["x-model-version"] = self._settings.model_version
        if self._settings.pod:
            response.headers["x-pod"] = self._settings.pod
        if self.draining:
            # Clients leave by themselves, so that no request is under way on a connection when it is closed. TRAP: at
            # this point force_close alone closes without telling the client, who may be sending the next request.
            response.headers["Connection"] = "close"
            response.force_close()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


@web.middleware
async def _json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _error(error.status, error.reason)
