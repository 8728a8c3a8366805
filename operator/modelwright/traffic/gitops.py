"""Tools that write Git's weights back, told by their field manager, and the setting that ends the fight. Pure.

Checked against the tools' documentation in 2026-11. docs/routers/attached.md shows each setting whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelwright.cluster.keys import Kind
from modelwright.traffic.pairs import Pair
from modelwright.traffic.shapes import SHAPES

ARGO_CD = ("argocd-controller", "argocd-application-controller")
FLUX_KUSTOMIZE = ("kustomize-controller",)
FLUX_HELM = ("helm-controller",)


def advice_for_fields(managers: Iterable[str], kind: Kind, name: str, fields: Sequence[str]) -> str:
    """The same for whole fields of an object that has no rules; "" where no tool is seen."""
    for manager in managers:
        if manager in ARGO_CD:
            pointers = ", ".join("/" + field.replace(".", "/") for field in fields)
            return (
                f"'{manager}' keeps Git's fields: set in its Application `ignoreDifferences: [{{group: {kind.group}, "
                f"kind: {kind.name}, name: {name}, jsonPointers: [{pointers}]}}]` and "
                "`syncPolicy.syncOptions: [RespectIgnoreDifferences=true]`"
            )
        if manager in FLUX_KUSTOMIZE + FLUX_HELM:
            owner = "Kustomization `ignore`" if manager in FLUX_KUSTOMIZE else "HelmRelease `driftDetection.ignore`"
            paths = ", ".join("/" + field.replace(".", "/") for field in fields)
            target = f"{{kind: {kind.name}, name: {name}}}"
            return f"'{manager}' keeps Git's fields: set in its {owner}: [{{paths: [{paths}], target: {target}}}]"
    return ""


def advice(managers: Iterable[str], kind: Kind, name: str, pairs: Sequence[Pair]) -> str:
    """What to set in the first GitOps tool among `managers`, "" where there is none."""
    shape = SHAPES[kind.name]
    for manager in managers:
        if manager in ARGO_CD:
            weights = f".spec.{shape.rules}[].{shape.refs}[].weight"
            return (
                f"'{manager}' keeps Git's weights: set in its Application `ignoreDifferences: [{{group: {kind.group}, "
                f"kind: {kind.name}, name: {name}, jqPathExpressions: [{weights}]}}]` and "
                "`syncPolicy.syncOptions: [ApplyOutOfSyncOnly=true]`"
            )
        if manager in FLUX_KUSTOMIZE + FLUX_HELM:
            owner = "Kustomization `ignore`" if manager in FLUX_KUSTOMIZE else "HelmRelease `driftDetection.ignore`"
            paths = ", ".join(
                f"/spec/{shape.rules}/{pair.rule}/{shape.refs}/{place}/weight"
                for pair in pairs
                for place in sorted((pair.stable, pair.candidate))
            )
            target = f"{{kind: {kind.name}, name: {name}}}"
            return f"'{manager}' keeps Git's weights: set in its {owner}: [{{paths: [{paths}], target: {target}}}]"
    return ""
