{{- /* The API version that serves MutatingAdmissionPolicies here, or nothing. */}}
{{- define "modelwright.mutatingVersion" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" -}}
admissionregistration.k8s.io/v1beta1
{{- else if semverCompare ">=1.36-0" .Capabilities.KubeVersion.Version -}}
{{- /* `helm template` knows a version, and no kinds. */ -}}
admissionregistration.k8s.io/v1
{{- end }}
{{- end }}

{{- /* A policy looks only where the operator works. */}}
{{- define "modelwright.admittedNamespaces" -}}
{{- with .Values.watchNamespaces }}
namespaceSelector:
  matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }}}
{{- end }}
{{- end }}

{{- /* Who writes RetrainRuns: the operator, the hook that takes it away, and Kubernetes' own controllers, which delete
       what has no owner, remove their own finalizers, and move objects to another storage version. */}}
{{- define "modelwright.recordWriters" -}}
{{- $account := printf "system:serviceaccount:%s:" .Release.Namespace }}
{{- $writers := list (print $account (include "modelwright.serviceAccountName" .)) }}
{{- if .Values.uninstall.settle }}
{{- $writers = append $writers (printf "%s%s-settle" $account (include "modelwright.fullname" .)) }}
{{- end }}
{{- range tuple "generic-garbage-collector" "namespace-controller" "storage-version-migrator-controller" }}
{{- $writers = append $writers (print "system:serviceaccount:kube-system:" .) }}
{{- end }}
{{- $writers = append $writers "system:kube-controller-manager" }}
{{- toJson (concat $writers .Values.admission.recordWriters) | replace "\"" "'" }}
{{- end }}
