"""One container of a pod over all its restarts: starts its process, probes it, ends it, starts it again.

Knows nothing of the API server. What to run comes from `prepare`, which is asked anew before every start, so that a
restarted container sees the ConfigMaps of now; what happens is read from `view` whenever `changed` was called.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelwright.errors import ModelwrightError
from modelwright_playground.node.backoff import Backoff, restarts
from modelwright_playground.node.checks import Target, check
from modelwright_playground.node.environment import Command
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.probes import Probe
from modelwright_playground.node.probing import Probing
from modelwright_playground.node.process import Child, spawn
from modelwright_playground.node.status import ContainerView, Running, State, Terminated, Waiting

log = logging.getLogger(__name__)

CONFIG_RETRY_SECONDS = 1.0
# A preStop hook may use up the whole grace period; the process is then given this much, as by a kubelet.
GRACE_AFTER_HOOK = 2.0


@dataclass(frozen=True)
class Prepared:
    """All that one start needs. `target.folder` is the working directory."""

    command: Command
    target: Target
    probes: Mapping[str, Probe]


class Container:
    """`policy` is the restartPolicy that holds for this container; `before` how a former node left it.

    `grace` is how many seconds it has to end when a probe found it unhealthy.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        policy: str,
        prepare: Callable[[Mapping[str, Any]], Awaitable[Prepared]],
        changed: Callable[[], None],
        *,
        grace: float = 30.0,
        before: ContainerView | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.name: str = spec["name"]
        self._spec = spec
        self._policy = policy
        self._prepare = prepare
        self._changed = changed
        self._grace = grace
        self._backoff = backoff or Backoff()
        self._state: State = before.state if before else Waiting()
        self._last = before.last if before else None
        self._restarts = before.restarts if before else 0
        self._probing: Probing | None = None
        self._child: Child | None = None
        self._target: Target | None = None
        self._complaint = ""
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def view(self) -> ContainerView:
        probing = self._probing
        return ContainerView(
            name=self.name,
            image=self._spec["image"],
            state=self._state,
            last=self._last,
            restarts=self._restarts,
            ready=probing is not None and probing.ready,
            started=probing is not None and probing.started,
        )

    @property
    def running(self) -> bool:
        return self._child is not None

    async def run(self) -> bool:
        """Run until it ends for good: True when its last run ended with 0."""
        while not self._stopping.is_set():
            if (prepared := await self._prepared()) is None:
                break
            ended = await self._run_once(prepared)
            self._become(ended)
            if self._stopping.is_set() or not restarts(self._policy, ended.exit_code):
                break
            ran = (ended.finished_at - ended.started_at).total_seconds() if ended.started_at else 0.0
            wait, self._backoff = self._backoff.after(ran)
            self._last = ended
            if wait:
                message = f"back-off {wait:g}s restarting failed container {self.name}"
                self._become(Waiting("CrashLoopBackOff", message))
                if await self._stops_within(wait):
                    self._become(ended)
                    break
            self._restarts += 1
        return isinstance(self._state, Terminated) and self._state.exit_code == 0

    async def stop(self, grace: float) -> None:
        """End it for good within `grace` seconds; called again with less, the shorter time counts."""
        self._stopping.set()
        await self._end(grace)

    async def _prepared(self) -> Prepared | None:
        """What to start; None when the container was stopped while that could not be said."""
        while True:
            try:
                return await self._prepare(self._spec)
            except CannotStart as error:
                self._become(Waiting(error.reason, error.message))
            except ModelwrightError as error:
                log.info("container %s waits: %s", self.name, error)
                self._become(Waiting("ContainerCreating", "the API server does not give what the pod needs yet"))
            except OSError as error:
                self._become(Waiting("ContainerCreating", f"the node cannot write the pod's folder: {error.strerror}"))
            if await self._stops_within(CONFIG_RETRY_SECONDS):
                return None

    async def _run_once(self, prepared: Prepared) -> Terminated:
        started_at = datetime.now(UTC)
        target, command = prepared.target, prepared.command
        try:
            if target.log.exists():
                target.log.replace(target.log.with_suffix(".previous.log"))
            record_file = target.records / f"{self.name}.pid"
            child = await spawn(command.arguments, command.environment, target.folder, target.log, record_file)
        except OSError as error:
            image = self._spec["image"]
            message = f"the program that playground/images.yaml names for image {image} cannot be run: {error.strerror}"
            return Terminated(128, "StartError", started_at, datetime.now(UTC), message)
        self._child, self._target, self._complaint = child, target, ""
        self._ended.clear()
        probing = self._probing = Probing(prepared.probes, target, self._changed, self._unhealthy)
        probes = asyncio.create_task(probing.run(), name=f"probe {self.name}")
        self._become(Running(started_at, child.pid))
        if self._stopping.is_set():
            # Stopped between the decision to start and now, when there was nothing yet to stop.
            child.kill()
        try:
            code = await child.wait()
        except asyncio.CancelledError:
            child.kill()
            raise
        finally:
            self._child = self._probing = None
            self._ended.set()
            probes.cancel()
            await asyncio.gather(probes, return_exceptions=True)
        reason = "Completed" if code == 0 else "Error"
        return Terminated(code, reason, started_at, datetime.now(UTC), self._complaint)

    def _unhealthy(self, message: str, grace: int | None) -> None:
        log.info("container %s is restarted: %s", self.name, message)
        self._complaint = message
        seconds = self._grace if grace is None else grace
        ending = asyncio.create_task(self._end(seconds), name=f"end {self.name}")
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _end(self, grace: float) -> None:
        child, target = self._child, self._target
        if child is None or target is None:
            return
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace
        if hook := (self._spec.get("lifecycle") or {}).get("preStop"):
            result = await check(hook, target, grace)
            if not result.ok:
                log.info("preStop of container %s failed: %s", self.name, result.message)
            deadline = max(deadline, clock() + min(grace, GRACE_AFTER_HOOK))
        child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._ended.wait()
        if self._child is child:
            child.kill()
            await self._ended.wait()

    async def _stops_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()

    def _become(self, state: State) -> None:
        self._state = state
        self._changed()
