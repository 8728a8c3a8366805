"""`python -m modelwright_playground.load`: send until SIGTERM. `... load prefill`: write history for a first training.

Ready once GET /stats answers. Exit 0 on SIGTERM or Ctrl-C, 1 with a sentence if it cannot listen or write.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from modelwright_playground.load.client import Client, Target
from modelwright_playground.load.control import MAX_RATE, application, is_rate
from modelwright_playground.load.lake import Appender, prefill, rows_file
from modelwright_playground.load.stats import Stats
from modelwright_playground.world import NEW_PLAN_SHARE, World

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class LoadStopped(Exception):
    """The load cannot go on; the message says what was found and what is needed."""


async def run(args: argparse.Namespace) -> None:
    """Send until SIGTERM or SIGINT; LoadStopped if the control address or a file cannot be used."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stats = Stats()
    rows = rows_file(args.lake)
    labels = _appender({rows, args.labels or rows})
    seed = secrets.randbits(32) if args.seed is None else args.seed
    world = World(f"live-{seed}", args.new_plan_share)
    target = Target(args.gateway, args.host, args.model)
    client = Client(target, world, stats, labels, args.rate, args.label_delay)
    client.concept = args.concept
    runner = web.AppRunner(application(client, stats), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await _listen(runner, *args.control)
        print(f"load: {args.rate:g} requests/s, seed {seed}, control on port {args.control[1]}", flush=True)
        sending, stopping = asyncio.create_task(client.run()), asyncio.create_task(stop.wait())
        await asyncio.wait({sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    except OSError as error:
        raise _unwritable(error) from None
    finally:
        await runner.cleanup()
        labels.close()


async def _listen(runner: web.AppRunner, address: str, port: int) -> None:
    try:
        await web.TCPSite(runner, address, port).start()
    except OSError as error:
        found = f"cannot listen on {address}:{port} ({os.strerror(error.errno or 0)})"
        raise LoadStopped(f"{found}; a free port is needed") from None


def _appender(paths: set[Path]) -> Appender:
    try:
        return Appender(paths)
    except OSError as error:
        raise _unwritable(error) from None


def _unwritable(error: OSError) -> LoadStopped:
    return LoadStopped(f"labelled rows cannot be written ({error.strerror}); a writable folder with room is needed")


def _fill(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="load prefill", description="Write labelled history of the concept `before`.")
    parser.add_argument("--lake", type=Path, required=True, help="folder; rows go to labelled/history.jsonl")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spread", type=_seconds, default=3600.0, help="age of the oldest row (default 1h)")
    parser.add_argument("--label-delay", type=_seconds, default=1.0)
    args = parser.parse_args(argv)
    spread, delay = timedelta(seconds=args.spread), timedelta(seconds=args.label_delay)
    try:
        prefill(args.lake, args.rows, args.seed, datetime.now(UTC), spread, delay)
    except OSError as error:
        raise _unwritable(error) from None
    print(f"load: {args.rows} rows of history written", flush=True)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load", description="Real rows through the gateway, labels with a delay.")
    parser.add_argument("--gateway", required=True, help="URL, such as http://127.0.0.1:8080")
    parser.add_argument("--host", default="", help="Host header that the route matches")
    parser.add_argument("--model", required=True, help="the model's name in the path")
    parser.add_argument("--rate", type=_rate, default=120.0, help="requests per second (default 120)")
    parser.add_argument("--lake", type=Path, required=True, help="folder; rows go to labelled/rows.jsonl")
    parser.add_argument("--labels", type=Path, help="a file that gets the same rows, if it is to be another one")
    parser.add_argument("--control", type=_address, required=True, help="127.0.0.1:PORT")
    parser.add_argument("--label-delay", type=_seconds, default=1.0, help="time from request to label (default 1s)")
    parser.add_argument("--concept", choices=("before", "after"), default="before")
    parser.add_argument("--seed", type=int, help="of the customers; drawn if missing, so that a restart meets new ones")
    parser.add_argument("--new-plan-share", type=float, default=NEW_PLAN_SHARE)
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    unit = text.lstrip("0123456789.")
    if unit not in UNITS or not text.removesuffix(unit).replace(".", "", 1).isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: a duration such as 1s or 500ms is needed")
    return float(text.removesuffix(unit)) * UNITS[unit]


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not is_rate(rate):
        raise argparse.ArgumentTypeError(f"{text!r}: requests per second from 0 to {MAX_RATE} are needed")
    return rate


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host.startswith("127.") or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r}: a loopback address such as 127.0.0.1:8099 is needed")
    return host, int(port)


def main(argv: Sequence[str]) -> int:
    """Exit code of the process."""
    try:
        if argv and argv[0] == "prefill":
            _fill(argv[1:])
        else:
            asyncio.run(run(_arguments(argv)))
    except LoadStopped as stopped:
        print(f"load: {stopped}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
