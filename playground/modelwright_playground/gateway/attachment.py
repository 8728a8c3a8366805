"""Which routes attach to which listeners, and under which host names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelwright_playground.gateway.facts import GROUP, Object, Saying

HTTP_ROUTE = "HTTPRoute"


@dataclass(frozen=True)
class Attachment:
    """How one parentRef fared. `hostnames` is empty, and `refusal` says why, where nothing attached."""

    listeners: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    refusal: Saying | None = None


def supported(listener: Object) -> bool:
    return bool(listener["protocol"] == "HTTP")


def names_gateway(ref: Object, route: Object, gateway: Object) -> bool:
    """Whether `ref`, a parentRef of `route`, means `gateway`."""
    metadata = gateway["metadata"]
    return (
        (ref.get("group", GROUP), ref.get("kind", "Gateway")) == (GROUP, "Gateway")
        and ref["name"] == metadata["name"]
        and ref.get("namespace", route["metadata"]["namespace"]) == metadata["namespace"]
    )


def attach(ref: Object, route: Object, gateway: Object, namespaces: Mapping[str, Mapping[str, str]]) -> Attachment:
    """What `route` gets from `gateway` through `ref`. `namespaces` maps names to labels."""
    listeners = [item for item in gateway["spec"]["listeners"] if supported(item) and _named(ref, item)]
    if not listeners:
        wanted = f"named {ref['sectionName']!r}" if ref.get("sectionName") else "that speaks HTTP"
        if ref.get("port"):
            wanted += f" at port {ref['port']}"
        return _refused("NoMatchingParent", f"the Gateway has no listener {wanted}")
    allowing = [item for item in listeners if _allows(item, route, gateway, namespaces)]
    if not allowing:
        namespace = route["metadata"]["namespace"]
        return _refused("NotAllowedByListeners", f"no listener allows such a route from namespace {namespace}")
    wishes = route["spec"].get("hostnames") or ()
    hosts = {item["name"]: shared_hostnames(item.get("hostname") or "*", wishes) for item in allowing}
    matching = tuple(name for name, shared in hosts.items() if shared)
    if not matching:
        return _refused("NoMatchingListenerHostname", f"no listener serves {', '.join(wishes)}")
    return Attachment(matching, tuple(sorted({host for shared in hosts.values() for host in shared})))


def shared_hostnames(listener: str, wishes: Sequence[str]) -> tuple[str, ...]:
    """The host names that both want: "*" is any, "*.a.example" any name that ends in ".a.example"."""
    shared = []
    for wish in wishes or ("*",):
        if _covers(listener, wish):
            shared.append(wish)
        elif _covers(wish, listener):
            shared.append(listener)
    return tuple(shared)


def _covers(wide: str, narrow: str) -> bool:
    if wide in ("*", narrow):
        return True
    return (
        wide.startswith("*.") and narrow != "*" and narrow.removeprefix("*").endswith(wide[1:]) and narrow != wide[2:]
    )


def _named(ref: Object, listener: Object) -> bool:
    return ref.get("sectionName") in (None, listener["name"]) and ref.get("port") in (None, listener["port"])


def _allows(listener: Object, route: Object, gateway: Object, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
    allowed = listener.get("allowedRoutes") or {}
    kinds = allowed.get("kinds")
    kind = route.get("kind", HTTP_ROUTE)
    if kinds and not any((item.get("group", GROUP), item["kind"]) == (GROUP, kind) for item in kinds):
        return False
    namespace = route["metadata"]["namespace"]
    rule = allowed.get("namespaces") or {}
    match rule.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            return _selects(rule.get("selector") or {}, namespaces.get(namespace, {}))
    return bool(namespace == gateway["metadata"]["namespace"])


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(item, labels) for item in selector.get("matchExpressions") or ())


def _meets(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def _refused(reason: str, message: str) -> Attachment:
    return Attachment(refusal=Saying("Accepted", "False", reason, message))
