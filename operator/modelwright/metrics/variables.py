"""The variables of PromQL templates, `$(name)`: fills them in so that no value can break out of the query.

The rule of escaping: letters, digits and `_ . : / -` stay, every other character becomes `\\xHH`, `\\uHHHH` or
`\\UHHHHHHHH`. PromQL reads these inside double and single quotes, so a value is always one literal, whichever of them
the template has. In a raw literal (backticks) an escaped character matches nothing: NoData, never another query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelwright.errors import InvalidSpec

# Label matchers that are already PromQL. They are filled in as they are, and a query needs one of them.
MATCHERS = ("selector", "champion")

BACKEND_LABELS = {"Service": "service", "InferencePool": "inference_pool", "Revision": "revision_name"}
"""How metrics name the kinds of backends. A service monitor gives the first, Knative's own metrics the last."""

_VARIABLE = re.compile(r"\$\(([^()]*)\)")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]+")


def render(template: str, variables: Mapping[str, str], *, path: str = "") -> str:
    """`template` with each `$(name)` replaced. `path` says where in the spec the template stands.

    `variables` holds finished matchers under "selector" or "champion" (see `selector`) and plain values under all other
    names. Raises InvalidSpec for an unknown variable, and where none of the given matchers is used: such a query would
    judge everybody's traffic.
    """
    known = ", ".join(f"$({name})" for name in sorted(variables))
    found = _VARIABLE.findall(template)
    for name in found:
        if name not in variables:
            raise InvalidSpec(path, f"$({name}) is not known here; known are {known}")
    needed = [name for name in MATCHERS if name in variables]
    if needed and not any(name in found for name in needed):
        wanted = " or ".join(f"$({name})" for name in needed)
        raise InvalidSpec(path, f"must contain {wanted} among its label matchers, found {template!r}")

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        return variables[name] if name in MATCHERS else escaped(variables[name])

    return _VARIABLE.sub(value, template)


def selector(namespace: str, rollout: str, revision: str) -> str:
    """The label matchers that select the metrics of one revision of one rollout, without braces."""
    labels = {"namespace": namespace, "rollout": rollout, "revision": revision}
    # An empty matcher would select what carries no such label.
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items() if value)


def version_selector(namespace: str, version: str) -> str:
    """The label matchers of a model that no rollout serves: whoever scores with it says which one. Without braces."""
    return f'namespace="{escaped(namespace)}",version="{escaped(version)}"'


def backend_selector(namespace: str, kind: str, name: str) -> str:
    """The label matchers of one version whose pods are not ours: no label of ours tells them apart. Without braces."""
    labels = {"namespace": namespace, BACKEND_LABELS[kind]: name}
    return ",".join(f'{label}="{escaped(value)}"' for label, value in labels.items())


def escaped(value: str) -> str:
    """`value` as the inside of a PromQL string literal."""
    if _PLAIN.fullmatch(value):
        return value
    return "".join(one if _PLAIN.fullmatch(one) else _escape(ord(one)) for one in value)


def _escape(code: int) -> str:
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
