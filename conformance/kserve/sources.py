"""What KServe and Knative Serving install: definitions, settings, webhooks, out of the modules that are built.

Images are named, never pulled: the pods are a fake kubelet's.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from modelwright_playground.controlplane.cache import build_lock, recipe_folder, whole_or_not_at_all
from modelwright_playground.controlplane.golang import find_go, run_go
from modelwright_playground.controlplane.progress import display
from modelwright_playground.controlplane.toolchain import ON_DEMAND

KSERVE_MODULE = "github.com/kserve/kserve"
SERVING, NETWORKING, CACHING = (f"knative.dev/{name}" for name in ("serving", "networking", "caching"))
PINNED_BY = {KSERVE_MODULE: "kserve-manager"} | dict.fromkeys((SERVING, NETWORKING, CACHING), "knative-controller")
KSERVE, KNATIVE = "kserve", "knative-serving"
GATEWAY = "kserve-ingress-gateway"

Object = dict[str, Any]


@cache
def folders() -> dict[str, str]:
    """Where Go keeps the source of each module, downloaded now if need be."""
    place = recipe_folder(ON_DEMAND["kserve-manager"]) / "folders.json"
    found: dict[str, str] = json.loads(place.read_bytes()) if place.exists() else {}
    if not found or not all(Path(each).is_dir() for each in found.values()):
        shown = display()
        with build_lock(waiting=shown.say), whole_or_not_at_all(place) as partial:
            go = find_go(shown)
            for module, tool in PINNED_BY.items():
                question = ["mod", "download", "-json", module]
                answer = run_go(go, question, ON_DEMAND[tool].folder, f"downloading {module}")
                found[module] = json.loads(answer)["Dir"]
            partial.write_text(json.dumps(found))
    return found


def definitions() -> list[Object]:
    """Of both, without KServe's of other controllers."""
    found = (
        *_documents(KSERVE_MODULE, "config/crd/full/*.yaml"),
        *_documents(KSERVE_MODULE, "config/crd/full/clusterstoragecontainer/*.yaml"),
        *_documents(SERVING, "config/core/300-resources/*.yaml"),
        *_documents(NETWORKING, "config/*.yaml"),
        *_documents(CACHING, "config/*.yaml"),
    )
    return [body for body in found if body["kind"] == "CustomResourceDefinition"]


def kserve_settings() -> list[Object]:
    """KServe's own settings but for the Gateway API, a runtime, and what loads models."""
    (settings,) = _documents(KSERVE_MODULE, "config/configmap/inferenceservice.yaml")
    data = {name: text for name, text in settings["data"].items() if name != "_example"}
    ingress = json.loads(data["ingress"]) | {"enableGatewayApi": True, "disableIstioVirtualHost": True}
    ingress["kserveIngressGateway"] = f"{KSERVE}/{GATEWAY}"
    (runtime,) = _documents(KSERVE_MODULE, "config/runtimes/kserve-sklearnserver.yaml")
    (storage,) = _documents(KSERVE_MODULE, "config/storagecontainers/default.yaml")
    return [settings | {"data": data | {"ingress": json.dumps(ingress)}}, runtime, storage]


def knative_settings() -> list[Object]:
    """Knative's own settings, but that no registry is asked which image a tag stands for."""
    found = [
        *_documents(SERVING, "config/core/configmaps/*.yaml"),
        *_documents(NETWORKING, "config/config-network.yaml"),
    ]
    settings = [body for body in found if body["kind"] == "ConfigMap"]
    for body in settings:
        # What stands there as an example is checked by Knative against a sum of it, and is nothing but an example.
        body["data"] = {name: text for name, text in body.get("data", {}).items() if name != "_example"}
        if body["metadata"]["name"] == "config-deployment":
            body["data"]["registries-skipping-tag-resolving"] = "index.docker.io"
    return settings


def webhooks(url: str, authority: str) -> list[Object]:
    """KServe's own webhooks, called at `url` instead of through a Service, which needs a network."""
    found = [copy.deepcopy(body) for body in _documents(KSERVE_MODULE, "config/webhook/manifests.yaml")]
    for body in found:
        body["metadata"].pop("creationTimestamp", None)
        for webhook in body["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"{url}{path}", "caBundle": authority}
    return found


def _documents(module: str, files: str) -> Iterator[Object]:
    for file in sorted(Path(folders()[module]).glob(files)):
        for document in yaml.load_all(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if document and "kustomization" not in file.name:
                yield document
