"""The command lines of etcd, kube-apiserver and kube-controller-manager, small enough for a laptop."""

from __future__ import annotations

from pathlib import Path

from modelwright_playground.controlplane.certificates import SERVICE_RANGE
from modelwright_playground.instance import Instance

# All that the playground's objects need: one node, no clouds, no volumes, no scheduler (the node binds its pods).
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
)


def etcd(instance: Instance, program: Path) -> list[str]:
    """One member. It answers only to holders of a certificate: whoever reads etcd owns the cluster."""
    client = f"https://127.0.0.1:{instance.ports.etcd}"
    peer = f"https://127.0.0.1:{instance.ports.etcd_peer}"
    pki = instance.pki
    return [
        str(program),
        "--name=playground",
        f"--data-dir={instance.data / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=playground={peer}",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        f"--trusted-ca-file={pki / 'ca.crt'}",
        "--client-cert-auth=true",
        f"--peer-cert-file={pki / 'etcd.crt'}",
        f"--peer-key-file={pki / 'etcd.key'}",
        f"--peer-trusted-ca-file={pki / 'ca.crt'}",
        "--peer-client-cert-auth=true",
        # A crash of the whole machine may cost the playground its state; in exchange no write waits for the disk.
        "--unsafe-no-fsync",
        "--auto-compaction-retention=10m",
        f"--quota-backend-bytes={512 * 1024 * 1024}",
        "--heartbeat-interval=100",
        "--election-timeout=1000",
        "--initial-election-tick-advance=true",
        "--log-level=warn",
    ]


def apiserver(instance: Instance, program: Path) -> list[str]:
    pki = instance.pki
    return [
        str(program),
        "--bind-address=127.0.0.1",
        f"--secure-port={instance.ports.apiserver}",
        # Not a loopback address, which it refuses to advertise; nobody is told, as no endpoints are written.
        f"--advertise-address=10.244.{instance.subnet}.1",
        "--endpoint-reconciler-type=none",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--etcd-servers=https://127.0.0.1:{instance.ports.etcd}",
        f"--etcd-cafile={pki / 'ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={pki / 'service-account.key'}",
        f"--service-account-key-file={pki / 'service-account.pub'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged=true",
        "--profiling=false",
        "--shutdown-delay-duration=0s",
        "--shutdown-watch-termination-grace-period=0s",
    ]


def controller_manager(instance: Instance, program: Path) -> list[str]:
    pki = instance.pki
    return [
        str(program),
        f"--kubeconfig={pki / 'kube-controller-manager.kubeconfig'}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'service-account.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--leader-elect=false",
        # Serves nothing: no port to find, none to guard.
        "--secure-port=0",
        "--profiling=false",
        # The supervisor starts a node again that ends. One that is late, as nobody lets it work, keeps its pods ready.
        "--node-monitor-grace-period=10m",
        "--node-startup-grace-period=1h",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]
