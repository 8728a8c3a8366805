"""The node: a small kubelet that runs the pods bound to it as local processes, each on its own 127.x address.

It observes pods, ConfigMaps and Secrets; decides which pods it binds (there is no scheduler) and when containers start,
restart and stop; and writes pod status, its Node and its Lease. Deployments, ReplicaSets and EndpointSlices are the
business of the real controller manager, which cannot tell this node from another.

What differs from a kubelet, because a process is not a container:
- The process listens on LISTEN_ADDRESS (127.244.s.n); the API shows 10.244.s.n, since the API server refuses loopback
  addresses in EndpointSlices.
- Nothing is mounted. A volume is a folder, and a mountPath is replaced by that folder wherever it begins a path in a
  command, an argument or an environment value. A program that has the path built in does not find its files.
- KUBERNETES_SERVICE_HOST is not set, since the token cannot be where clients look for it; KUBECONFIG is.
- Images are names in playground/images.yaml, and in an images.yaml of the instance's own folder.
- Resource limits, security contexts, host ports, affinity and service environment variables have no effect.
"""
