{{- /* What the operator may do where it works. Each line says what for; tests/contract/test_chart.py holds it to that. */}}
{{- define "modelwright.rules" -}}
# What people want of us.
- apiGroups: [modelwright.dev]
  resources: [modelrollouts, retrainpolicies, retrainruns]
  verbs: [get, list, watch]
# What we saw and did. Nothing ever writes a user's spec.
- apiGroups: [modelwright.dev]
  resources: [modelrollouts/status, retrainpolicies/status, retrainruns/status]
  verbs: [patch, update]
# The record of each attempt, on it the finalizer that stops a pipeline run before its record goes, and its end by the
# policy's history limits.
- apiGroups: [modelwright.dev]
  resources: [retrainruns]
  verbs: [create, patch, delete]
# To own an object in a way that holds back its owner's deletion; this subresource is where that right is looked up.
- apiGroups: [modelwright.dev]
  resources: [modelrollouts/finalizers, retrainpolicies/finalizers]
  verbs: [update]
# One Deployment for each revision, scaled with its traffic and deleted with its history; existing ones are only read.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Model and pod template of each revision that one can go back to.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list, create, patch, delete]
# The two Services of a rollout, stable and candidate. They go with their owner.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
# The weights. A managed route is created, and so is one for testers beside a user's, of which nothing else is patched;
# the latter is deleted when the rollout is over.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes]
  verbs: [get, list, watch, create, patch, delete]
# The weights, and before them entries for testers and copies.
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, list, watch, patch]
# KServe: the model and the canary fields of an InferenceService, and which model its Knative revisions have.
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices]
  verbs: [get, list, watch, patch]
- apiGroups: [serving.knative.dev]
  resources: [revisions]
  verbs: [get]
# The finalizer that stands while a user's route holds a weight of ours.
- apiGroups: [modelwright.dev]
  resources: [modelrollouts]
  verbs: [patch]
# Whether the Gateway of a route can mirror requests, before it is asked to.
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways, gatewayclasses]
  verbs: [get]
# No weight before ready endpoints.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
# Compiled pipelines that policies bring along.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
# Why pods do not start.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# News.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
