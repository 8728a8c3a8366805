"""Kubernetes quantities, as far as resourceFieldRef needs them: `500m`, `2`, `1.5Gi`, `100M`, `1e3`."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

_SUFFIXES = {
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], start=1)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(["k", "M", "G", "T", "P", "E"], start=1)},
    "m": Decimal("0.001"),
    "u": Decimal("0.000001"),
    "n": Decimal("0.000000001"),
}


def parse_quantity(text: str) -> Decimal:
    """The number that `text` means; ValueError when it means none."""
    try:
        for suffix, factor in _SUFFIXES.items():
            if text.endswith(suffix):
                return Decimal(text[: -len(suffix)]) * factor
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a quantity such as 500m or 1Gi") from error


def divided(quantity: str, divisor: str) -> str:
    """How often `divisor` ("0" means 1) goes into `quantity`, rounded up, as resourceFieldRef shows it."""
    by = parse_quantity(divisor) or Decimal(1)
    return str(math.ceil(parse_quantity(quantity) / by))
