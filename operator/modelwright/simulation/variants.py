"""Several policies out of one: `accuracy.min=0.90,0.88` with `limits.cooldown=1h,6h` are four, side by side."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelwright.errors import InvalidSpec

MOST = 24


def variants(body: Mapping[str, Any], compared: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each manifest with the settings that make it up, "as written" where nothing is compared.

    A setting is `<trigger>.<field>` of its metric, or the path of any other field below spec. InvalidSpec for one that
    leads nowhere.
    """
    choices = [[(path, value) for value in values] for path, values in map(_parsed, compared)]
    many = 1
    for each in choices:
        many *= len(each)
    if many > MOST:
        raise InvalidSpec("--compare", f"makes {many} policies, at most {MOST} are shown side by side")
    for chosen in itertools.product(*choices):
        changed = copy.deepcopy(dict(body))
        for path, value in chosen:
            _set(changed["spec"], path, value)
        yield ", ".join(f"{path}={value}" for path, value in chosen) or "as written", changed


def _parsed(text: str) -> tuple[str, list[str]]:
    path, equals, values = text.partition("=")
    if not equals or "." not in path or not all(values.split(",")):
        raise InvalidSpec("--compare", f"must be like accuracy.min=0.90,0.88 or limits.cooldown=1h,6h, found {text!r}")
    return path, values.split(",")


def _set(spec: dict[str, Any], path: str, value: str) -> None:
    first, *others = path.split(".")
    triggers = {trigger["name"]: trigger for trigger in spec.get("triggers", [])}
    holder: Any = triggers[first].get("metric", triggers[first]) if first in triggers else spec.setdefault(first, {})
    for name in others[:-1]:
        holder = holder.setdefault(name, {})
    if not isinstance(holder, dict):
        raise InvalidSpec("--compare", f"{path} leads to no field")
    before = holder.get(others[-1])
    holder[others[-1]] = int(value) if isinstance(before, int) and value.isdigit() else value
