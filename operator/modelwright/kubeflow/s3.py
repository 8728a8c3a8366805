"""s3:// for fsspec, by obstore: reads objects, and lists them with their times, and remembers no listing.

s3fs would be fsspec's own choice. It cannot be installed beside the client of Kubernetes: botocore, below it, wants an
older python-dateutil. Keys, region and endpoint come from the environment, as AWS names them.
"""

from __future__ import annotations

import io
from typing import Any

import fsspec
from fsspec.spec import AbstractFileSystem

try:
    import obstore
    from obstore.store import from_url
except ModuleNotFoundError:
    obstore = None

BUFFER = 4 << 20
"""Bytes that one request for a part of an object asks for."""


def register() -> None:
    """Make s3:// known to fsspec, where obstore is installed: the extra `s3`."""
    if obstore:
        fsspec.register_implementation("s3", S3, clobber=True)


class S3(AbstractFileSystem):  # type: ignore[misc]
    """Paths are "bucket/key". obstore's own file system for fsspec tells no times of objects.

    TRAP: of obstore, only what does not await. What awaits may abort the process while it ends.
    """

    protocol = "s3"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stores: dict[str, Any] = {}

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        """What lies in a folder, without what lies in its folders. Raises FileNotFoundError where nothing does."""
        bucket, store, prefix = self._place(path)
        found = obstore.list_with_delimiter(store, prefix)
        entries = [{**entry, "name": f"{bucket}/{entry['path']}", "type": "file"} for entry in found["objects"]]
        entries += [{"name": f"{bucket}/{name}", "size": 0, "type": "directory"} for name in found["common_prefixes"]]
        if not entries:
            raise FileNotFoundError(path)
        return entries if detail else sorted(entry["name"] for entry in entries)

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """One object, or else a folder that has some."""
        _, store, key = self._place(path)
        try:
            return {**obstore.head(store, key), "name": self._strip_protocol(path), "type": "file"}
        except FileNotFoundError:
            self.ls(path)
            return {"name": self._strip_protocol(path), "size": 0, "type": "directory"}

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            raise ValueError(f"objects are only read here, found mode {mode!r}")
        _, store, key = self._place(path)
        return io.BufferedReader(_Raw(obstore.open_reader(store, key, buffer_size=BUFFER)), BUFFER)

    def _place(self, path: str) -> tuple[str, Any, str]:
        bucket, _, key = self._strip_protocol(path).partition("/")
        if bucket not in self._stores:
            self._stores[bucket] = from_url(f"s3://{bucket}")
        return bucket, self._stores[bucket], key


class _Raw(io.RawIOBase):
    """A reader of obstore as a stream of Python."""

    def __init__(self, reader: Any) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = bytes(self._reader.read(len(buffer)))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()
