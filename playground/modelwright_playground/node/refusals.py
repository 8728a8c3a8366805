"""What a pod may ask of a kubelet, and not of this node: said in the pod's status, never left out silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright_playground.node.errors import config_error


def refuse_unsupported(pod: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    """CannotStart with what was found and what is needed."""
    if pod["spec"].get("hostNetwork"):
        raise config_error("hostNetwork is not supported by the playground's node; remove it")
    inits = [init["name"] for init in pod["spec"].get("initContainers") or [] if init.get("restartPolicy")]
    if inits:
        raise config_error(
            f"init container {inits[0]} has a restartPolicy: sidecars are not supported by the playground's node; "
            "make it an ordinary container"
        )
    if (container.get("lifecycle") or {}).get("postStart"):
        raise config_error(
            f"container {container['name']} has a postStart hook, which is not supported by the playground's node; "
            "do its work in an init container"
        )
