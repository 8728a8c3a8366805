"""Real model servers and loads as processes, real small models made in the ML environment."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from tests.ports import free_port

from modelwright_playground.child import dies_with_parent

REPO = Path(__file__).resolve().parents[3]
ML_PYTHON = REPO / "pipelines/.venv/bin/python"
PYTHONPATH = os.pathsep.join(str(REPO / each) for each in ("playground", "pipelines", "tests/playground/serving"))
PATIENCE_SECONDS = 300.0  # a loaded machine reads the ML libraries slowly


@dataclass(frozen=True)
class Process:
    """A process under test and the port that it was told to use."""

    popen: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ended(self) -> tuple[int, str]:
        """Exit code and standard error, once it has ended."""
        _, errors = await asyncio.to_thread(self.popen.communicate, timeout=PATIENCE_SECONDS)
        return self.popen.returncode, errors


Start = Callable[..., Process]


async def _eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Return once the condition holds; fail after PATIENCE_SECONDS. A server that cannot be reached is "not yet"."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if await condition():
                return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.05)
    pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}")


def _ml(code: str, *args: str) -> str:
    """Run code in the ML environment and return what it prints."""
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    command = [str(ML_PYTHON), "-c", code, *args]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS).stdout


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    return _eventually


@pytest.fixture(name="free_port")
def afree_port() -> int:
    return free_port()


@pytest.fixture
def ml() -> Callable[..., str]:
    return _ml


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two model folders: `good`, and `strict`, which raises for the plan `student`."""
    folder = tmp_path_factory.mktemp("models")
    _ml(
        "import sys, tiny_model; tiny_model.write(sys.argv[1], ''); tiny_model.write(sys.argv[2], 'student')",
        str(folder / "good"),
        str(folder / "strict"),
    )
    return folder


@pytest.fixture
def start() -> Iterator[Callable[[list[str], dict[str, str], int], Process]]:
    """Start processes that do not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def go(command: list[str], env: dict[str, str], port: int) -> Process:
        popen = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": PYTHONPATH, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=dies_with_parent(),
        )
        started.append(popen)
        return Process(popen, port)

    yield go
    for popen in started:
        popen.kill()
        popen.wait()
        if popen.stderr is not None:
            popen.stderr.close()


@pytest.fixture
def server(start: Start) -> Start:
    """Start a model server on a free port; environment variables as keyword arguments."""

    def go(model: Path, **env: str) -> Process:
        port = int(env.get("PORT") or free_port())
        settings = {"MODEL_URI": model.as_uri(), "MODEL_NAME": "churn", "MODEL_VERSION": "v1", "PORT": str(port)}
        return start([str(ML_PYTHON), "-m", "modelwright_playground.modelserver"], {**settings, **env}, port)

    return go


@pytest.fixture
def load(start: Start) -> Start:
    """Start a load with its control on a free port."""

    def go(gateway: str, lake: Path, *args: str) -> Process:
        port = free_port()
        command = [sys.executable, "-m", "modelwright_playground.load", "--gateway", gateway, "--lake", str(lake)]
        return start([*command, "--model", "churn", "--control", f"127.0.0.1:{port}", *args], {}, port)

    return go


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def until_ready(http: aiohttp.ClientSession) -> Callable[[Process], Awaitable[None]]:
    """Wait until a model server is ready."""

    async def wait(process: Process) -> None:
        async def ready() -> bool:
            if process.popen.poll() is not None:
                pytest.fail(f"the server ended: {process.popen.communicate()[1]}")
            async with http.get(f"{process.url}/v2/health/ready") as answer:
                return answer.status == 200

        await _eventually(ready, "the model server is ready")

    return wait


@pytest.fixture
def metric(http: aiohttp.ClientSession) -> Callable[..., Awaitable[float]]:
    """The value of one metric of a server, summed over the series with these labels."""

    async def read(process: Process, name: str, **labels: str) -> float:
        async with http.get(f"{process.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [line for line in lines if line.startswith(f"{name}{{") and all(each in line for each in wanted)]
        assert found, f"there is no series {name} with {labels}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    return read
