"""HTTPRoute filters to fields of an Envoy route. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright_playground.gateway.backends import Backend, Services, Unresolved, resolve
from modelwright_playground.gateway.facts import Object, Unsupported

_MILLION = 1_000_000


def header_fields(filters: Sequence[Object]) -> Object:
    """The header modifiers among `filters`: fields that an Envoy route and a weighted cluster have in common."""
    fields: Object = {}
    for item in filters:
        match item["type"]:
            case "RequestHeaderModifier":
                _modify(fields, "request", item["requestHeaderModifier"])
            case "ResponseHeaderModifier":
                _modify(fields, "response", item["responseHeaderModifier"])
    return fields


def mirrors(
    filters: Sequence[Object], namespace: str, services: Services
) -> tuple[list[tuple[Backend, Object]], list[Unresolved]]:
    """The mirrors among `filters`, each with its backend, and the mirrors whose backend does not resolve."""
    found: list[tuple[Backend, Object]] = []
    missing: list[Unresolved] = []
    for item in filters:
        if item["type"] != "RequestMirror":
            continue
        mirror = item["requestMirror"]
        backend = resolve(mirror["backendRef"], namespace, services)
        if isinstance(backend, Unresolved):
            missing.append(backend)
            continue
        policy = {
            "cluster": backend.cluster,
            "runtime_fraction": {"default_value": {"numerator": _share(mirror), "denominator": "MILLION"}},
            "disable_shadow_host_suffix_append": True,
        }
        found.append((backend, policy))
    return found, missing


def refuse_others(filters: Sequence[Object], supported: Sequence[str], where: str) -> None:
    """Raise Unsupported for the first filter that is not among `supported`."""
    for item in filters:
        if item["type"] not in supported:
            raise Unsupported(f"filter {item['type']} in {where}: supported are {', '.join(supported)}")


def _share(mirror: Object) -> int:
    """Parts per million."""
    if (fraction := mirror.get("fraction")) is not None:
        return round(_MILLION * int(fraction["numerator"]) / int(fraction.get("denominator", 100)))
    return int(mirror.get("percent", 100)) * (_MILLION // 100)


def _modify(fields: Object, side: str, modifier: Object) -> None:
    named = [*modifier.get("set", ()), *modifier.get("add", ())]
    for name in [*(header["name"] for header in named), *modifier.get("remove", ())]:
        # Envoy refuses these, and with them the configuration of every other route.
        if name.lower() == "host" or name.startswith(":"):
            raise Unsupported(f"header {name!r} cannot be modified; only ordinary headers can")
    additions = fields.setdefault(f"{side}_headers_to_add", [])
    additions += [_header(header, "OVERWRITE_IF_EXISTS_OR_ADD") for header in modifier.get("set", ())]
    additions += [_header(header, "APPEND_IF_EXISTS_OR_ADD") for header in modifier.get("add", ())]
    fields.setdefault(f"{side}_headers_to_remove", []).extend(modifier.get("remove", ()))


def _header(header: Object, action: str) -> Object:
    # A percent sign begins a substitution in Envoy's header values; two are one.
    value = header["value"].replace("%", "%%")
    return {"header": {"key": header["name"], "value": value}, "append_action": action}
