"""Where the audit trail goes, as the platform configures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import refuse_unknown


class To(StrEnum):
    DISABLED = "Disabled"
    STDOUT = "Stdout"
    FILE = "File"


@dataclass(frozen=True)
class AuditTarget:
    """`path` is that of the file, for `To.FILE`."""

    to: To = To.DISABLED
    path: Path | None = None


def parse_audit(configuration: Mapping[str, Any]) -> AuditTarget:
    """The section `audit`. Raises InvalidSpec with the path of the field that has to change."""
    fields = Fields(configuration, "").section_or_empty("audit")
    refuse_unknown(fields, ("to", "path"))
    to = fields.choice("to", To, To.DISABLED)
    if (to is To.FILE) != fields.has("path"):
        raise fields.refuse("path", "must be set with `to: File`, and only then")
    path = Path(fields.text("path")) if to is To.FILE else None
    if path is not None and not path.is_absolute():
        raise fields.refuse("path", "must be absolute")
    return AuditTarget(to, path)
