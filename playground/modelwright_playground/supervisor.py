"""Runs the components of one playground: starts them, keeps them running, and leaves nothing behind.

`python -m modelwright_playground.supervisor --dir DIR [--components NAME,...]` runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from modelwright.errors import ModelwrightError
from modelwright_playground.claims import holding_subnet
from modelwright_playground.component_process import ComponentProcess, StartFailed
from modelwright_playground.components import COMPONENTS, CONTROL_PLANE, Component
from modelwright_playground.controlplane.certificates import write_certificates
from modelwright_playground.controlplane.definitions import definitions, install
from modelwright_playground.controlplane.kubeconfig import write_kubeconfig
from modelwright_playground.instance import Instance
from modelwright_playground.report import Phase, Report, claim

log = logging.getLogger(__name__)

APISERVER = "kube-apiserver"
LONGEST_BACKOFF = 30.0


class Supervisor:
    """One playground from start to stop. What one of `components` waits for must be among them too."""

    def __init__(self, instance: Instance, components: Sequence[Component]) -> None:
        self._instance = instance
        self._processes = {component.name: ComponentProcess(instance, component) for component in components}
        self._ready = {component.name: asyncio.Event() for component in components}
        self._phase: Phase = "Starting"

    async def run(self, stop: asyncio.Event, when_ready: Callable[[], None] = lambda: None) -> None:
        """Start everything, call `when_ready`, and keep it running until `stop` is set.

        StartFailed (or what the API server refused) when it does not start. When this returns or raises, nothing runs.
        """
        failure = ""
        try:
            await _unless(stop, self._start())
            if not stop.is_set():
                self._enter("Ready")
                when_ready()
                await _unless(stop, self._keep_running())
        except ModelwrightError as error:
            failure = str(error)
            raise
        except OSError as error:
            failure = f"the playground cannot write its state: {error.strerror}"
            raise StartFailed(failure) from error
        finally:
            self._enter("Stopping", failure)
            await self._stop()
            self._enter("Failed" if failure else "Stopped", failure)

    async def _start(self) -> None:
        """Bring all components up, each as soon as what it waits for is ready. The first failure ends the attempt."""
        prepare(self._instance)
        installed = asyncio.Event()
        events = [*self._ready.values(), installed]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._install_definitions(installed))
                watches = [group.create_task(self._bring_up(name)) for name in self._processes]
                await asyncio.gather(*(event.wait() for event in events))
                for watch in watches:
                    watch.cancel()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def _bring_up(self, name: str) -> None:
        """Start one component, and watch over it until it is cancelled: none may end while others still start."""
        process = self._processes[name]
        for needed in process.component.after:
            await self._ready[needed].wait()
        await process.start(first=True)
        await process.become_ready()
        log.info("%s is ready", name)
        self._enter("Starting")
        self._ready[name].set()
        await process.ended()
        raise process.failed("stopped right after its start")

    async def _install_definitions(self, installed: asyncio.Event) -> None:
        if APISERVER in self._processes:
            wanted = definitions(self._instance)
            await self._ready[APISERVER].wait()
            await install(self._instance, wanted)
            log.info("%d custom resource definitions are established", len(wanted))
        installed.set()

    async def _keep_running(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name in self._processes:
                group.create_task(self._keep(self._processes[name]))

    async def _keep(self, process: ComponentProcess) -> None:
        """Start a component again whenever it ends, later and later while it does not become ready."""
        backoff = 0.5
        name = process.component.name
        while True:
            code = await process.ended()
            process.state = "Restarting"
            self._enter("Ready")
            log.warning("%s ended with exit code %s: starting it again in %.1f s", name, code, backoff)
            await process.stop()
            await asyncio.sleep(backoff)
            process.restarts += 1
            try:
                await process.start(first=False)
                self._enter("Ready")
                await process.become_ready()
            except StartFailed as error:
                backoff = min(2 * backoff, LONGEST_BACKOFF)
                log.warning("%s", error)
                await process.stop()
            else:
                backoff = 0.5
                log.info("%s is ready again", name)
            self._enter("Ready")

    async def _stop(self) -> None:
        """Stop all: our own rooms first and together, then the control plane from the top down."""
        rooms = [process for name, process in self._processes.items() if name not in CONTROL_PLANE]
        await asyncio.gather(*(process.stop() for process in rooms))
        for process in reversed(self._processes.values()):
            await process.stop()

    def _enter(self, phase: Phase, message: str = "") -> None:
        """Tell the world."""
        components = tuple(process.report() for process in self._processes.values())
        try:
            Report(phase, os.getpid(), message, components).save(self._instance.dir)
        except OSError as error:
            # A full disk must not keep the rest from being stopped.
            log.error("cannot report %s: %s", phase, error.strerror)


def prepare(instance: Instance) -> None:
    """Make folders, certificates and kubeconfigs, and remove what an earlier run may have left."""
    for folder in (instance.logs, instance.data, instance.ready):
        folder.mkdir(parents=True, exist_ok=True)
    for stale in instance.ready.iterdir():
        stale.unlink()
    write_certificates(instance.pki, instance.node_address)
    write_kubeconfig(instance.kubeconfig, instance.apiserver_url, instance.pki, "admin")
    controllers = "kube-controller-manager"
    write_kubeconfig(instance.pki / f"{controllers}.kubeconfig", instance.apiserver_url, instance.pki, controllers)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end, or until `stop` is set."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        working.result()
        return
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def supervise(
    instance: Instance, components: Sequence[str], when_ready: Callable[[], None] = lambda: None
) -> None:
    """Run `components` (names of COMPONENTS) until SIGTERM, SIGINT or SIGHUP. AlreadyRunning, or what `run` raises."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with claim(instance.dir), holding_subnet(instance.subnet):
        await Supervisor(instance, [COMPONENTS[name] for name in components]).run(stop, when_ready)


def main() -> int:
    """The supervisor as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m modelwright_playground.supervisor")
    parser.add_argument("--dir", type=Path, required=True, help="the instance's folder")
    parser.add_argument("--components", default=",".join(COMPONENTS), help="names, separated by commas")
    arguments = parser.parse_args()
    components = arguments.components.split(",")
    if unknown := [name for name in components if name not in COMPONENTS]:
        parser.error(f"unknown components {', '.join(unknown)}; known are {', '.join(COMPONENTS)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    try:
        asyncio.run(supervise(Instance.load(arguments.dir), components))
    except ModelwrightError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
