"""Reads the operator's configuration file: what the platform provides under names, so that tenants address nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from modelwright.errors import InvalidSpec

KNOWN = {"metricProfiles", "metricSources", "pipelineServers"}


def read_configuration(path: Path) -> Mapping[str, Any]:
    """The file at `path` as a mapping. Raises InvalidSpec with what was found and what is needed."""
    try:
        found = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InvalidSpec("--config", f"cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InvalidSpec("--config", f"is not YAML{where}") from error
    if not isinstance(found, dict):
        raise InvalidSpec("--config", "must be a mapping with metricSources and pipelineServers")
    if unknown := sorted(set(found) - KNOWN):
        raise InvalidSpec(unknown[0], f"is not known; known are {', '.join(sorted(KNOWN))}")
    return found
