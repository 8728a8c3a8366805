"""Which programs the playground needs, what pins and builds each, and which versions found elsewhere will do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TOOLCHAIN = Path(__file__).resolve().parents[2] / "toolchain"

KUBERNETES = "1.36.3"
# When the module of this version was published: a build stays the same bytes whenever it is made.
KUBERNETES_DATE = "2026-07-22T18:07:38Z"
PROMETHEUS = "3.15.0"
HELM = "4.3.1"
# Istio's module has no version tags that Go understands: this is a commit of the 1.31 series.
ISTIO_COMMIT = "eed52ebb66ad"
ISTIO = f"1.31-dev.{ISTIO_COMMIT}"
KSERVE = "0.20.0"
# What this KServe is built with: what Knative calls 1.21.
KNATIVE = "0.48.1"


@dataclass(frozen=True)
class Tool:
    """A program. `accepts` must match what it prints for `version_args`, else a copy found elsewhere is not used."""

    name: str
    version: str
    module: str
    package: str
    version_args: tuple[str, ...]
    accepts: re.Pattern[str]
    tags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def folder(self) -> Path:
        """Where the go.mod and go.sum are that pin it."""
        return TOOLCHAIN / self.module

    @property
    def build_flags(self) -> tuple[str, ...]:
        """Flags of `go build`: no debug information, no paths of this machine, version variables set."""
        settings = " ".join(f"-X {name}={value}" for name, value in self.variables)
        flags = ("-trimpath", "-buildvcs=false", f"-ldflags=-s -w {settings}".rstrip())
        return (*flags, f"-tags={','.join(self.tags)}") if self.tags else flags


def _kubernetes_variables() -> tuple[tuple[str, str], ...]:
    major, minor, _ = KUBERNETES.split(".")
    values = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        # A module is not a Git checkout: which commit it was made of is not known, that it is unchanged is (go.sum).
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": KUBERNETES_DATE,
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple((f"{package}.{name}", value) for package in packages for name, value in values.items())


def _kubernetes(name: str, *version_args: str) -> Tool:
    return Tool(
        name=name,
        version=KUBERNETES,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        version_args=version_args,
        accepts=re.compile(r"v1\.36\.\d"),
        tags=("grpcnotrace", "notest"),
        variables=_kubernetes_variables(),
    )


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            name="etcd",
            version="3.6.8",
            module="kubernetes",
            package="go.etcd.io/etcd/server/v3",
            version_args=("--version",),
            accepts=re.compile(r"etcd Version: 3\.6\."),
            tags=("grpcnotrace", "notest"),
        ),
        _kubernetes("kube-apiserver", "--version"),
        _kubernetes("kube-controller-manager", "--version"),
        _kubernetes("kubectl", "version", "--client"),
        Tool(
            name="prometheus",
            version=PROMETHEUS,
            module="prometheus",
            package="github.com/prometheus/prometheus/cmd/prometheus",
            version_args=("--version",),
            accepts=re.compile(r"prometheus, version 3\."),
            # Leaves out the service discoveries of all clouds; files, HTTP and static targets stay.
            tags=("remove_all_sd",),
            variables=(("github.com/prometheus/common/version.Version", PROMETHEUS),),
        ),
        Tool(
            name="helm",
            version=HELM,
            module="helm",
            package="helm.sh/helm/v4/cmd/helm",
            version_args=("version", "--short"),
            accepts=re.compile(r"v4\."),
            variables=(
                ("helm.sh/helm/v4/internal/version.version", f"v{HELM}"),
                ("helm.sh/helm/v4/internal/version.gitTreeState", "clean"),
            ),
        ),
    )
}

# What only a conformance check needs (`make conformance`): never built by `make test`.
ON_DEMAND = {
    "pilot-discovery": Tool(
        name="pilot-discovery",
        version=ISTIO,
        module="istiod",
        package="istio.io/istio/pilot/cmd/pilot-discovery",
        version_args=("version", "--short"),
        accepts=re.compile(r"client version: 1\.31\b"),
        # As Istio's own build sets them.
        tags=("vtprotobuf", "disable_pgv"),
        variables=(
            ("istio.io/istio/pkg/version.buildVersion", ISTIO),
            ("istio.io/istio/pkg/version.buildGitRevision", ISTIO_COMMIT),
            ("istio.io/istio/pkg/version.buildStatus", "Clean"),
        ),
    ),
    "kserve-manager": Tool(
        name="kserve-manager",
        version=KSERVE,
        module="kserve-manager",
        package="github.com/kserve/kserve/cmd/manager",
        # It knows no version: none that is found elsewhere will do.
        version_args=("--help",),
        accepts=re.compile(r"(?!)"),
    ),
    "knative-controller": Tool(
        name="knative-controller",
        version=KNATIVE,
        module="knative",
        package="knative.dev/serving/cmd/controller",
        version_args=("--help",),
        accepts=re.compile(r"(?!)"),
    ),
}
