"""`python -m modelwright_playground.gateway --dir D`: Envoy and its controller, until SIGTERM."""

from __future__ import annotations

import asyncio
import sys

from modelwright.cluster.access import Cluster
from modelwright_playground.gateway.control import KINDS, OPTIONAL, Control
from modelwright_playground.gateway.delivery import Delivery
from modelwright_playground.gateway.envoy import Envoy
from modelwright_playground.instance import Instance
from modelwright_playground.room import main
from modelwright_playground.watching import Watching


async def run(instance: Instance) -> None:
    envoy = Envoy(instance.dir / "envoy", instance.ports.gateway, instance.ports.envoy_admin)
    delivery = Delivery(envoy)
    delivery.begin()
    cluster = await Cluster.connect(str(instance.kubeconfig))
    try:
        await envoy.start()
        watching = Watching(cluster, KINDS, OPTIONAL)
        control = Control(cluster, watching, delivery)
        async with asyncio.TaskGroup() as group:
            group.create_task(envoy.process.ended())
            group.create_task(watching.run())
            group.create_task(control.run())
            await control.loaded.wait()
            instance.ready.mkdir(exist_ok=True)
            (instance.ready / "gateway").touch()
    finally:
        await envoy.stop()
        await cluster.close()


if __name__ == "__main__":
    sys.exit(main("gateway", run))
