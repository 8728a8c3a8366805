"""The real control plane: etcd, kube-apiserver and kube-controller-manager, built, certified and started."""
