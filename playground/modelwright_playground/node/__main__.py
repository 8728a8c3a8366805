"""`python -m modelwright_playground.node --dir <instance dir>`: run the node until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import sys

from modelwright.cluster.access import Cluster
from modelwright_playground.instance import Instance
from modelwright_playground.node.images import ImageTable, load_images
from modelwright_playground.node.node import Node
from modelwright_playground.room import main

BACKOFF_VARIABLE = "MODELWRIGHT_NODE_BACKOFF_SECONDS"


async def run(instance: Instance) -> None:
    """Run the node until cancelled."""
    cluster = await Cluster.connect(str(instance.kubeconfig))
    try:
        backoff = float(os.environ.get(BACKOFF_VARIABLE, "10"))
        await Node(instance, cluster, image_table(instance), backoff).run()
    finally:
        await cluster.close()


def image_table(instance: Instance) -> ImageTable:
    """playground/images.yaml, and above it the instance's own images.yaml, if there is one."""
    places = {
        "repo": str(instance.repo),
        "python": sys.executable,
        "ml_python": str(instance.repo / "pipelines" / ".venv" / "bin" / "python"),
    }
    own = instance.dir / "images.yaml"
    return load_images([instance.repo / "playground" / "images.yaml", *([own] if own.exists() else [])], places)


if __name__ == "__main__":
    sys.exit(main("node", run))
