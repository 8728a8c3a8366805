"""`python -m modelwright_playground.modelserver`: listen, load, serve, and leave without losing a request.

Order: it listens first (live, not ready) and loads then. On SIGTERM it stops being ready but goes on serving for
DRAIN_SECONDS, because gateways learn late; then it stops listening, finishes what is in flight (for as long again at
most) and exits 0.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web

from modelwright_pipelines.digest import digest_folder
from modelwright_playground.modelserver.labels import LabelFile
from modelwright_playground.modelserver.maturity import Maturity
from modelwright_playground.modelserver.metrics import Metrics
from modelwright_playground.modelserver.model import load
from modelwright_playground.modelserver.server import ModelServer
from modelwright_playground.modelserver.settings import ServerRefused, Settings

LABEL_POLL_SECONDS = 0.1
# Set before the first import of numpy (in `model.py`): many threads only slow down the prediction of single rows.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

log = logging.getLogger("modelserver")


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; ServerRefused if the port or the model cannot be used."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics(settings.model_name, settings.model_version)
    maturity = Maturity(settings.horizon)
    labels = _label_file(settings.labels)
    with ThreadPoolExecutor(max_workers=1) as worker:
        server = ModelServer(settings, metrics, maturity, worker)
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=max(settings.drain, 0.1))
        await runner.setup()
        quality = asyncio.create_task(_follow_quality(labels, maturity, metrics))
        try:
            await _listen(runner, settings)
            model = await asyncio.get_running_loop().run_in_executor(
                worker, load, settings.model_folder, settings.digest, digest_folder
            )
            server.serve(model)
            log.info("serving %s %s on port %d", settings.model_name, settings.model_version, settings.port)
            await stop.wait()
            server.draining = True
            log.info("draining for %g s", settings.drain)
            await asyncio.sleep(settings.drain)
        finally:
            quality.cancel()
            await runner.cleanup()
            if labels is not None:
                labels.close()


def _label_file(path: Path | None) -> LabelFile | None:
    try:
        return LabelFile(path) if path is not None else None
    except OSError as error:
        raise ServerRefused(f"LABELS_URI cannot be read ({error.strerror}); a file of JSON lines is needed") from None


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.address, settings.port, backlog=512).start()
    except OSError as error:
        found = f"cannot listen on {settings.address}:{settings.port} ({os.strerror(error.errno or 0)})"
        raise ServerRefused(f"{found}; a free port is needed") from None


async def _follow_quality(labels: LabelFile | None, maturity: Maturity, metrics: Metrics) -> None:
    """Match labels with predictions and count what has matured, for ever."""
    told = False
    while True:
        now = time.monotonic()
        try:
            # Labels first: one that came in time must not find its prediction already counted.
            for label in labels.read() if labels is not None else ():
                maturity.labelled(label.id, label.label, now)
            told = False
        except OSError as error:
            if not told:
                log.error("the labels at LABELS_URI cannot be read: %s", error.strerror)
            told = True
        if labels is not None and labels.skipped:
            metrics.skipped_lines(labels.skipped)
            labels.skipped = 0
        metrics.matured(maturity.settle(now))
        await asyncio.sleep(LABEL_POLL_SECONDS)


def main() -> int:
    """Exit code of the process: 0 after a drain, 1 with a sentence on standard error if it cannot serve."""
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    try:
        asyncio.run(run(Settings.from_environment(os.environ)))
    except ServerRefused as error:
        print(f"modelserver: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
