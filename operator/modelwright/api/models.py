"""A model version, as every kind names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """`uri` is a folder of files; `digest` is `sha256:…` over them, or "" where nobody stated it."""

    version: str
    uri: str
    digest: str = ""
