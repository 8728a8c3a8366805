"""What a playground may not leave behind: processes, ports and folders, looked up from outside."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from modelwright_playground.instance import KUBELET_PORT, Instance, is_free


def processes_of(folder: Path) -> dict[int, str]:
    """Living processes that were started with `folder` in a word or the environment, or work inside it."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        # It may end while we look, and others' may not be looked at.
        with suppress(OSError):
            words = (process / "cmdline").read_bytes()
            inside = str((process / "cwd").readlink()).startswith(str(folder))
            if inside or str(folder).encode() in words + (process / "environ").read_bytes():
                found[int(process.name)] = words.replace(b"\0", b" ").decode(errors="replace")
    return found


def taken_ports(instance: Instance) -> list[str]:
    """Ports of the instance, and its claim on its subnet, that are not free."""
    claims = {f"127.0.0.1:{port}" for port in asdict(instance.ports).values()} | {
        f"{instance.node_address}:{KUBELET_PORT}"
    }
    return sorted(claim for claim in claims if not is_free(claim.split(":")[0], int(claim.split(":")[1])))
