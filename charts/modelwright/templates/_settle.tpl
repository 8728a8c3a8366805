{{- /* What the objects of the uninstall hook have in common, and what `modelwright settle` may do. */}}
{{- define "modelwright.hook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- define "modelwright.settleRules" -}}
# Which rollouts there are; to let go of those whose route was handed back.
- apiGroups: [modelwright.dev]
  resources: [modelrollouts]
  verbs: [get, list, patch]
# Which runs still have a pipeline; with endPipelines also to let go of those.
- apiGroups: [modelwright.dev]
  resources: [retrainruns]
  verbs: [list{{ if .Values.uninstall.endPipelines }}, get, patch{{ end }}]
# The two weights, and what was made beside them for testers.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [get, list, patch, delete]
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, patch]
# KServe: the weight, and the model that it had before.
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices]
  verbs: [get, patch]
- apiGroups: [serving.knative.dev]
  resources: [revisions]
  verbs: [get]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list]
# Without a router: which pods the Service in front of both versions selects.
- apiGroups: [""]
  resources: [services]
  verbs: [get, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# No traffic back to a stable version that is down.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
{{- end }}
