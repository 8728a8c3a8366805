"""The real custom resource definitions of others, each out of its pinned Go module: Gateway API, Istio, KServe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from modelwright_playground.controlplane.cache import build_lock, cache_root, whole_or_not_at_all
from modelwright_playground.controlplane.golang import BuildFailed, explain, find_go, run_go
from modelwright_playground.controlplane.progress import Display, display
from modelwright_playground.controlplane.toolchain import TOOLCHAIN


@dataclass(frozen=True)
class Module:
    """`folder` of the toolchain pins the Go module `path`; `files` in it hold the definitions, all or only `names`."""

    title: str
    folder: str
    path: str
    files: str
    names: tuple[str, ...] = ()


GATEWAY_API = Module("the Gateway API", "gateway-api", "sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml")
ISTIO = Module(
    "Istio's definitions",
    "istio",
    "istio.io/api",
    "kubernetes/customresourcedefinitions.gen.yaml",
    ("virtualservices.networking.istio.io",),
)
KSERVE = Module(
    "KServe's definitions",
    "kserve",
    "github.com/kserve/kserve",
    "config/crd/full/serving.kserve.io_inferenceservices.yaml",
)


def gateway_api_crds(shown: Display | None = None) -> Path:
    """A JSON file with the Gateway API's definitions, standard channel. BuildFailed when it cannot be had."""
    return crds_of(GATEWAY_API, shown)


def crds_of(module: Module, shown: Display | None = None) -> Path:
    """A JSON file with the list of the definitions, downloaded now if need be. BuildFailed when it cannot be had."""
    folder = TOOLCHAIN / module.folder
    recipe = hashlib.sha256((folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes())
    target = cache_root() / "bin" / recipe.hexdigest()[:24] / f"{module.folder}.json"
    purpose = f"downloading {module.title}"
    shown = shown or display()
    try:
        if not target.exists():
            with build_lock(waiting=shown.say), whole_or_not_at_all(target) as partial, shown.step(purpose):
                partial.write_text(json.dumps(_definitions(module, folder, purpose, shown)))
    except OSError as error:
        raise explain(str(error), purpose) from error
    return target


def _definitions(module: Module, folder: Path, purpose: str, shown: Display) -> list[object]:
    found = json.loads(run_go(find_go(shown), ["mod", "download", "-json", module.path], folder, purpose))
    documents = [
        document
        for file in sorted(Path(found["Dir"]).glob(module.files))
        # The pure-Python loader takes seven seconds for these files.
        for document in yaml.load_all(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if document
    ]
    definitions = [
        document
        for document in documents
        if document["kind"] == "CustomResourceDefinition"
        and (not module.names or document["metadata"]["name"] in module.names)
    ]
    if not definitions:
        raise BuildFailed(f"{purpose}: the module holds no definitions where they are expected")
    return definitions
