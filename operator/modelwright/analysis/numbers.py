"""How findings write numbers: short, in the metric's own unit, with a real minus sign. Decides nothing."""

from __future__ import annotations

from decimal import Decimal


def shown(value: float | Decimal) -> str:
    """A value with at most four significant digits and no exponent for the sizes that metrics have ("0.0021")."""
    number = float(value)
    if number == 0:
        return "0"
    if not 1e-6 <= abs(number) < 1e15:
        return f"{number:.3g}".replace("-", "−", 1) if number < 0 else f"{number:.3g}"
    text = f"{Decimal(f'{number:.4g}'):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")


def signed(value: float) -> str:
    """A difference, always with a sign, and with four digits after the point unless they would all be 0 ("−0.0002")."""
    text = f"{abs(value):.4f}" if value == 0 or abs(value) >= 0.00005 else f"{abs(value):.2g}"
    return ("−" if value < 0 else "+") + text


def counted(count: int) -> str:
    """A count with thousands separated ("18,231")."""
    return f"{count:,}"
