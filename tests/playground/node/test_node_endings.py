"""How pods and nodes end, on the real control plane."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from modelwright.cluster.access import Object
from modelwright.cluster.keys import POD

Eventually = Callable[..., Awaitable[Any]]


async def test_a_deleted_pod_gets_its_grace_and_is_gone(node: Any, home: Any, eventually: Eventually) -> None:
    marker = node.instance.dir / f"{home.name}-ended"
    pod = await home.create_pod(f"trap 'touch {marker}; exit 0' TERM; while :; do sleep 0.05; done")
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    await home.cluster.delete(POD, home.name, "pod")

    async def gone() -> bool:
        return await home.pod() is None

    await eventually(gone, "the end of the pod")
    assert marker.exists()
    folder: Path = node.instance.dir / "pods" / pod["metadata"]["uid"]
    await eventually(lambda: not folder.exists(), "the end of its folder")


async def test_the_process_of_a_pod_deleted_by_force_is_killed(
    node: Any, home: Any, eventually: Eventually, is_alive: Callable[[int], bool]
) -> None:
    pod = await home.create_pod("trap '' TERM; while :; do sleep 0.05; done")
    (pid,) = await eventually(lambda: node.containers(pod["metadata"]["uid"]), "the pod's process")
    await home.cluster.delete(POD, home.name, "pod", grace_seconds=0)
    assert await home.pod() is None
    await eventually(lambda: not is_alive(pid), "the end of its process")


async def test_a_pod_kept_by_a_finalizer_ends_and_is_not_started_again(
    node: Any, home: Any, eventually: Eventually, is_alive: Callable[[int], bool]
) -> None:
    pod = await home.create_pod()
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    (pid,) = node.containers(pod["metadata"]["uid"])
    await home.cluster.merge_patch(POD, home.name, "pod", {"metadata": {"finalizers": ["example.com/keep"]}})
    await home.cluster.delete(POD, home.name, "pod")
    kept = await eventually(lambda: home.in_phase("Failed"), "the final phase")
    assert not is_alive(pid)
    (status,) = kept["status"]["containerStatuses"]
    assert (status["state"]["terminated"]["exitCode"], status["restartCount"]) == (143, 0)

    # Any later change of the object brings it to the node's eyes again.
    await home.cluster.merge_patch(POD, home.name, "pod", {"metadata": {"labels": {"seen": "again"}}})
    other = await home.create_pod(name="other")

    async def other_runs() -> bool:
        return bool(node.containers(other["metadata"]["uid"]))

    await eventually(other_runs, "a later pod, by when the node has seen the change")
    assert node.containers(pod["metadata"]["uid"]) == []
    await home.cluster.merge_patch(POD, home.name, "pod", {"metadata": {"finalizers": None}})


async def test_a_node_that_is_told_to_stop_stops_its_pods_first(
    node: Any, home: Any, eventually: Eventually, is_alive: Callable[[int], bool]
) -> None:
    pod = await home.create_pod("setsid sleep 600 & wait")
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    pids = node.containers(pod["metadata"]["uid"])
    assert node.stop() == 0
    assert pids
    assert not any(map(is_alive, pids))
    node.start()
    await eventually(lambda: node.containers(pod["metadata"]["uid"]), "the pod's second start")


async def test_a_second_node_of_the_same_subnet_says_what_is_in_its_way(
    node: Any, another_node: Callable[[], Any]
) -> None:
    second = another_node()
    assert second.process.wait(timeout=240) == 1
    assert f"{node.instance.node_address}:10250 is in use" in second.log.read_text()


async def test_a_node_that_is_killed_leaves_no_process_and_its_successor_starts_the_pods_again(
    node: Any, home: Any, eventually: Eventually, is_alive: Callable[[int], bool]
) -> None:
    children = node.instance.dir / f"{home.name}-children"
    script = f"sleep 600 & echo $! >> {children}; setsid sleep 600 & echo $! >> {children}; wait"
    pod = await home.create_pod(script)
    await eventually(lambda: children.exists() and len(children.read_text().split()) == 2, "the pod's own children")
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    pids = [*node.containers(pod["metadata"]["uid"]), *map(int, children.read_text().split())]

    node.process.kill()
    node.process.wait(timeout=180)
    await eventually(lambda: not any(map(is_alive, pids)), "the end of all processes of the pod")

    node.start()

    async def runs_again() -> Object | None:
        found = await home.in_phase("Running")
        assert found is not None
        (status,) = found["status"]["containerStatuses"]
        return found if status["restartCount"] == 1 and status["ready"] else None

    again = await eventually(runs_again, "the pod's second start")
    assert again["metadata"]["uid"] == pod["metadata"]["uid"]
    assert again["status"]["podIP"].startswith(f"10.244.{node.instance.subnet}.")
