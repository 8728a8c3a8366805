"""Sending rows at a steady rate, whatever the answers do (an open loop: a slow server does not slow its customers).

Bounded: at most MAX_IN_FLIGHT requests wait, each for TIMEOUT_SECONDS; what is due beyond that is counted as skipped.
Labels come for every customer, also for those whose request failed: the world does not know of our errors.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from modelwright_playground.load.lake import Appender, LabelledRow
from modelwright_playground.load.stats import UNKNOWN, Stats
from modelwright_playground.world import CATEGORY, Concept, Customer, World

TIMEOUT_SECONDS = 20.0
MAX_IN_FLIGHT = 256
LABEL_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Target:
    """Where requests go: the gateway's URL, the Host header it routes by ("" for none of our own), the model's name."""

    gateway: str
    host: str
    model: str

    @property
    def url(self) -> str:
        """The address of the inference endpoint."""
        return f"{self.gateway.rstrip('/')}/v2/models/{self.model}/infer"


@dataclass
class Asked:
    """A customer for whom a prediction was asked, until both the answer and the label are known."""

    id: str
    customer: Customer
    time: datetime
    label_due: float
    label_known: bool = False
    predicted: tuple[str, int] | None = None


class Client:
    """Customers at `rate` per second, of the concept `concept`; both may be changed at any time."""

    def __init__(
        self, target: Target, world: World, stats: Stats, labels: Appender, rate: float, label_delay: float
    ) -> None:
        self.concept: Concept = "before"
        self._target = target
        self._world = world
        self._stats = stats
        self._labels = labels
        self._rate = rate
        self._label_delay = label_delay
        self._rate_changed = asyncio.Event()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._unlabelled: list[Asked] = []

    @property
    def rate(self) -> float:
        """Requests per second; 0 is a pause."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        self._rate_changed.set()

    async def run(self) -> None:
        """Send and label until cancelled. Raises OSError if labels cannot be written."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            loops = {asyncio.create_task(self._send(session)), asyncio.create_task(self._label())}
            try:
                ended, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
                for loop in ended:
                    loop.result()
            finally:
                tasks = [*loops, *self._in_flight]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        due = time.monotonic()
        while True:
            # Read once a round: the rate may become 0 in the moment in which a request is due.
            rate = self._rate
            wait = due - time.monotonic() if rate else None
            if (wait is None or wait > 0) and await self._rate_changes_within(wait):
                due = time.monotonic()
                continue
            late = time.monotonic() - due
            if late > 1.0:
                # After a pause of this process a burst of all that was missed would look like an attack.
                missed = int(late * rate)
                self._stats.skipped(time.time(), missed)
                due += missed / rate
            self._ask(session)
            due += 1.0 / rate
            # Also when late: answers must get their turn.
            await asyncio.sleep(0)

    async def _rate_changes_within(self, seconds: float | None) -> bool:
        """Wait for so long (None: for ever), but no longer than until the rate is set."""
        try:
            async with asyncio.timeout(seconds):
                await self._rate_changed.wait()
        except TimeoutError:
            return False
        self._rate_changed.clear()
        return True

    def _ask(self, session: aiohttp.ClientSession) -> None:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self._stats.skipped(time.time())
            return
        customer = self._world.customer(self.concept)
        due = time.monotonic() + self._label_delay
        asked = Asked(uuid.uuid4().hex, customer, datetime.now(UTC), due)
        self._unlabelled.append(asked)
        self._stats.sent(time.time())
        task = asyncio.create_task(self._infer(session, asked))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _infer(self, session: aiohttp.ClientSession, asked: Asked) -> None:
        version = UNKNOWN
        headers = {"Host": self._target.host} if self._target.host else {}
        started = time.monotonic()
        try:
            async with session.post(self._target.url, json=request_body(asked), headers=headers) as answer:
                version = answer.headers.get("x-model-version", UNKNOWN)
                if answer.status != 200:
                    self._stats.failed(time.time(), version, str(answer.status))
                    return
                predicted = label_of(await answer.json(), asked.id)
        except TimeoutError:
            self._stats.failed(time.time(), version, "timeout")
        except (aiohttp.ContentTypeError, ValueError, LookupError, TypeError):
            self._stats.failed(time.time(), version, "answer")
        except (aiohttp.ClientError, OSError):
            self._stats.failed(time.time(), version, "connection")
        else:
            self._stats.answered(time.time(), version, time.monotonic() - started)
            asked.predicted = (version, predicted)
            self._judge(asked)

    async def _label(self) -> None:
        while True:
            now = time.monotonic()
            known = 0
            while known < len(self._unlabelled) and self._unlabelled[known].label_due <= now:
                known += 1
            ready, self._unlabelled = self._unlabelled[:known], self._unlabelled[known:]
            self._labels.append([self._row(asked) for asked in ready])
            for asked in ready:
                asked.label_known = True
                self._judge(asked)
            await asyncio.sleep(LABEL_TICK_SECONDS)

    def _row(self, asked: Asked) -> LabelledRow:
        label_time = asked.time + timedelta(seconds=self._label_delay)
        return LabelledRow(asked.id, asked.time, label_time, asked.customer.features, asked.customer.label)

    def _judge(self, asked: Asked) -> None:
        if asked.label_known and asked.predicted is not None:
            version, predicted = asked.predicted
            self._stats.judged(time.time(), version, predicted == asked.customer.label)


def request_body(asked: Asked) -> dict[str, object]:
    """An Open Inference Protocol request of one row."""
    inputs = [
        {"name": name, "datatype": "BYTES" if name == CATEGORY else "FP64", "shape": [1], "data": [value]}
        for name, value in asked.customer.features.items()
    ]
    return {"id": asked.id, "inputs": inputs, "outputs": [{"name": "label"}]}


def label_of(body: dict[str, object], request_id: str) -> int:
    """The predicted label of a one-row answer; ValueError, LookupError or TypeError if it is none, or another's."""
    if body["id"] != request_id:
        raise ValueError("the answer belongs to another request")
    outputs = body["outputs"]
    if not isinstance(outputs, list):
        raise TypeError("outputs must be a list")
    found = {output["name"]: output["data"] for output in outputs}
    return int(found["label"][0])
