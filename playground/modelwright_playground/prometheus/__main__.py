"""`python -m modelwright_playground.prometheus --dir D`: Prometheus and its targets, until SIGTERM."""

from __future__ import annotations

import asyncio
import sys

from modelwright.cluster import keys
from modelwright.cluster.access import Cluster
from modelwright_playground.controlplane.build import binary
from modelwright_playground.instance import Instance
from modelwright_playground.prometheus.server import Prometheus
from modelwright_playground.room import main
from modelwright_playground.watching import Watching


async def run(instance: Instance) -> None:
    # Not in a thread, though it may build for minutes: a child dies with the thread that started it.
    program = binary("prometheus")
    ports = instance.ports
    prometheus = Prometheus(program, instance.dir / "prometheus", ports.prometheus, ports.envoy_admin)
    cluster = await Cluster.connect(str(instance.kubeconfig))
    try:
        await prometheus.start()
        watching = Watching(cluster, [keys.POD])
        async with asyncio.TaskGroup() as group:
            group.create_task(prometheus.process.ended())
            group.create_task(watching.run())
            instance.ready.mkdir(exist_ok=True)
            (instance.ready / "prometheus").touch()
            await follow(watching, prometheus)
    finally:
        await prometheus.process.stop()
        await cluster.close()


async def follow(watching: Watching, prometheus: Prometheus) -> None:
    """Keep the targets equal to the pods, until cancelled."""
    while True:
        await watching.changed.wait()
        watching.changed.clear()
        if watching.complete:
            prometheus.scrape(watching.objects(keys.POD))


if __name__ == "__main__":
    sys.exit(main("prometheus", run))
