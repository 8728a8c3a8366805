"""The real custom resource definitions of the Gateway API, standard channel, out of its pinned Go module."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from modelwright_playground.controlplane.cache import build_lock, cache_root, whole_or_not_at_all
from modelwright_playground.controlplane.golang import BuildFailed, explain, find_go, run_go
from modelwright_playground.controlplane.progress import Display, display
from modelwright_playground.controlplane.toolchain import TOOLCHAIN

MODULE = "sigs.k8s.io/gateway-api"


def gateway_api_crds(shown: Display | None = None) -> Path:
    """A JSON file with the list of the definitions, downloaded now if need be. BuildFailed when it cannot be had."""
    folder = TOOLCHAIN / "gateway-api"
    recipe = hashlib.sha256((folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes())
    target = cache_root() / "bin" / recipe.hexdigest()[:24] / "gateway-api.json"
    purpose = "downloading the Gateway API"
    shown = shown or display()
    try:
        if not target.exists():
            with build_lock(waiting=shown.say), whole_or_not_at_all(target) as partial, shown.step(purpose):
                partial.write_text(json.dumps(_definitions(folder, purpose, shown)))
    except OSError as error:
        raise explain(str(error), purpose) from error
    return target


def _definitions(folder: Path, purpose: str, shown: Display) -> list[object]:
    module = json.loads(run_go(find_go(shown), ["mod", "download", "-json", MODULE], folder, purpose))
    documents = [
        document
        for file in sorted(Path(module["Dir"]).glob("config/crd/standard/*.yaml"))
        # The pure-Python loader takes seven seconds for these files.
        for document in yaml.load_all(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    ]
    definitions = [document for document in documents if document["kind"] == "CustomResourceDefinition"]
    if not definitions:
        raise BuildFailed(f"{purpose}: the module holds no definitions where they are expected")
    return definitions
