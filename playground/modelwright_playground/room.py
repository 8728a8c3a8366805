"""How a room of the playground runs: until SIGTERM or Ctrl-C, with one line to say why when it cannot."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from modelwright.errors import ModelwrightError
from modelwright_playground.instance import Instance

Run = Callable[[Instance], Awaitable[None]]

_TROUBLE = {
    errno.ENOSPC: "the disk is full: make room and start again",
    errno.EDQUOT: "the disk quota is used up: make room and start again",
    errno.EADDRINUSE: "a port is in use by another program: stop that program and start again",
}


def main(name: str, run: Run) -> int:
    """Parse `--dir`, run `run` for that instance until told to stop. The exit code: 1 when the room could not run."""
    parser = argparse.ArgumentParser(prog=f"python -m modelwright_playground.{name}")
    parser.add_argument("--dir", type=Path, required=True, help="the instance's folder")
    folder: Path = parser.parse_args().dir
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    try:
        asyncio.run(_until_told(name, run, Instance.load(folder)))
    except Exception as error:
        match _first(error):
            case ModelwrightError() as known:
                message = str(known)
            case OSError(errno=number) if number in _TROUBLE:
                message = _TROUBLE[number]
            case _:
                raise
        print(f"{name}: {message}", flush=True)
        return 1
    return 0


async def _until_told(name: str, run: Run, instance: Instance) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    work = asyncio.ensure_future(run(instance))
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not work.done():
        logging.getLogger(name).info("told to stop")
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()


def _first(error: BaseException) -> BaseException:
    """The error itself, or the first that a task group gathered."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
