"""Reading what all kinds have: metadata, models, and a status that may not be there yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.fields import Fields
from modelwright.api.models import Model


def metadata(body: Mapping[str, Any]) -> Fields:
    return Fields(body, "").section("metadata")


def spec(body: Mapping[str, Any]) -> Fields:
    return Fields(body, "").section("spec")


def status(body: Mapping[str, Any]) -> Fields:
    return Fields(body, "").section_or_empty("status")


def model(fields: Fields) -> Model:
    return Model(fields.text("version"), fields.text("uri"), fields.text("digest", ""))
