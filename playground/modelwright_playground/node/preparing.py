"""Everything one start of a container needs: identity, volumes, environment, folders.

Reads the API, writes the pod's folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONFIG_MAP, SECRET
from modelwright_playground.addresses import local_address
from modelwright_playground.node.checks import Target
from modelwright_playground.node.container import Prepared
from modelwright_playground.node.downward import PodFacts
from modelwright_playground.node.environment import build_command, references
from modelwright_playground.node.errors import config_error
from modelwright_playground.node.expansion import localise
from modelwright_playground.node.images import ImageTable
from modelwright_playground.node.probing import parse_probes
from modelwright_playground.node.refusals import refuse_unsupported
from modelwright_playground.node.tokens import Token, automounts, request_token, write_kubeconfig
from modelwright_playground.node.volumes import (
    TOKEN_SECONDS,
    Files,
    TokenKey,
    mount_paths,
    object_files,
    object_names,
    remove_folder,
    token_key,
    token_requests,
    write_volumes,
)

Object = Mapping[str, Any]
_KINDS = {kind.name: kind for kind in (CONFIG_MAP, SECRET)}


class Preparation:
    """One pod's. `server` is the kubeconfig `cluster` that its containers are given."""

    def __init__(self, cluster: Cluster, images: ImageTable, server: Object, folder: Path) -> None:
        self._cluster = cluster
        self._images = images
        self._server = server
        self._folder = folder
        self._tokens: dict[TokenKey, Token] = {}
        self._lock = asyncio.Lock()
        self._kubeconfig: Path | None = None

    def log(self, container: str) -> Path:
        return self._folder / f"{container}.log"

    async def start(self, container: Object, facts: PodFacts) -> Prepared:
        """What to run now. CannotStart with the reason that the pod's status shows; else the errors of Cluster."""
        refuse_unsupported(facts.pod, container)
        image = self._images.find(container["image"])
        probes = parse_probes(container)
        await self.refresh(facts)
        namespace = facts.pod["metadata"]["namespace"]
        objects = await self._objects(namespace, references(container))
        try:
            sources = {key: {k: v.decode() for k, v in files.items()} for key, files in objects.items()}
        except UnicodeDecodeError as error:
            raise config_error("an environment value from a Secret or ConfigMap is not text in UTF-8") from error
        mounts = mount_paths(container, facts.pod["spec"].get("volumes") or [], self._folder / "volumes")
        folder = self._fresh_folder(container["name"])
        node_env = self._node_env(facts, folder)
        command = build_command(container, image, facts, sources, node_env=node_env, mounts=mounts)
        wished = Path(localise(container.get("workingDir") or "", mounts) or folder / "work")
        target = Target(
            container=container,
            address=local_address(facts.pod_ip),
            environment=command.environment,
            mounts=mounts,
            # A workingDir that only the real image has cannot be entered here.
            folder=wished if wished.is_dir() else folder / "work",
            log=self.log(container["name"]),
            records=self._folder,
        )
        return Prepared(command, target, probes)

    async def refresh(self, facts: PodFacts) -> None:
        """Bring volumes, tokens and kubeconfig up to date."""
        async with self._lock:
            volumes = facts.pod["spec"].get("volumes") or []
            (self._folder / "volumes").mkdir(parents=True, exist_ok=True, mode=0o700)
            if await automounts(self._cluster, facts.pod):
                token = await self._token(facts.pod, (None, TOKEN_SECONDS))
                namespace = facts.pod["metadata"]["namespace"]
                self._kubeconfig = write_kubeconfig(self._folder, namespace, self._server, token)
            tokens = {
                key: (await self._token(facts.pod, key)).value
                for key in {token_key(request) for request in token_requests(volumes)}
            }
            objects = await self._objects(facts.pod["metadata"]["namespace"], object_names(volumes))
            write_volumes(volumes, self._folder / "volumes", objects, facts, tokens)

    async def _token(self, pod: Object, key: TokenKey) -> Token:
        known = self._tokens.get(key)
        if known is None or datetime.now(UTC) >= known.renew_at:
            known = self._tokens[key] = await request_token(self._cluster, pod, key)
        return known

    async def _objects(self, namespace: str, names: Iterable[tuple[str, str]]) -> Files:
        found: dict[tuple[str, str], Mapping[str, bytes]] = {}
        for kind, name in sorted(names):
            # Asked of the server, not of a watch: a ConfigMap made a moment before its pod has to be seen.
            body = await self._cluster.get(_KINDS[kind], namespace, name)
            if body is not None:
                found[kind, name] = object_files(kind, body)
        return found

    def _fresh_folder(self, container: str) -> Path:
        """The container's own files; like a container's, they do not survive a restart."""
        folder = self._folder / "containers" / container
        remove_folder(folder)
        for part in ("home", "tmp", "work"):
            (folder / part).mkdir(parents=True, mode=0o700)
        return folder

    def _node_env(self, facts: PodFacts, folder: Path) -> dict[str, str]:
        environment = {
            # Not the node's own environment: what a developer has in the shell must not change what a pod does.
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "HOSTNAME": facts.pod["metadata"]["name"],
            "LISTEN_ADDRESS": local_address(facts.pod_ip),
        }
        return environment | ({"KUBECONFIG": str(self._kubeconfig)} if self._kubeconfig else {})
