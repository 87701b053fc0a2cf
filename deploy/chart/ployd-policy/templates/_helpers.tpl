{{- define "ployd-policy.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ployd-policy.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ployd-policy.labels" -}}
{{ include "ployd-policy.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ployd-policy.image" -}}
{{- with .Values.image -}}
{{- $repository := required "image.repository: no image is published; build deploy/Containerfile, push it and name it here" .repository -}}
{{- if not (or .digest .tag) -}}
{{- fail "image.digest: set the digest of the image you pushed (or image.tag, which can be moved)" -}}
{{- end -}}
{{- $repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "ployd-policy.serviceAccountName" -}}
{{- default (include "ployd-policy.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "ployd-policy.tlsSecret" -}}
{{- default (printf "%s-tls" (include "ployd-policy.fullname" .)) .Values.tls.secretName -}}
{{- end -}}

{{- define "ployd-policy.serverName" -}}
{{- printf "%s.%s.svc" (include "ployd-policy.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Whether the server turns failurePolicy to Fail: not where it has no cluster to ask. */}}
{{- define "ployd-policy.flips" -}}
{{- if and .Values.webhook.flipToFail (not .Values.server.standalone) }}true{{ end -}}
{{- end -}}

{{/* Whether it writes to its own webhook configuration at all: failurePolicy, or the CA it made. */}}
{{- define "ployd-policy.patches" -}}
{{- if or (include "ployd-policy.flips" .) (eq .Values.tls.mode "self-managed") }}true{{ end -}}
{{- end -}}

{{/* The reconciler's pods are none of the webhook's, so they have another name. */}}
{{- define "ployd-policy.reconciler.fullname" -}}
{{- printf "%s-reconciler" (include "ployd-policy.fullname" . | trunc 52 | trimSuffix "-") -}}
{{- end -}}

{{- define "ployd-policy.reconciler.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}-reconciler
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ployd-policy.reconciler.labels" -}}
{{ include "ployd-policy.reconciler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ployd-policy.reconciler.serviceAccountName" -}}
{{- default (include "ployd-policy.reconciler.fullname" .) .Values.reconciler.serviceAccount.name -}}
{{- end -}}

{{/* What is judged by, for whoever judges: the same in the webhook and in the reconciler. */}}
{{- define "ployd-policy.policyArguments" -}}
{{- with .Values.policies }}
{{- range .rego }}
- --policy=/etc/ployd-policy/rego/{{ . }}
{{- end }}
{{- range .schemas }}
- --schema=/etc/ployd-policy/schemas/{{ . }}
{{- end }}
{{- range .catalogues }}
- --catalogue=/etc/ployd-policy/catalogues/{{ . }}
{{- end }}
{{- with .settings }}
- --config=/etc/ployd-policy/settings/{{ .key }}
{{- end }}
{{- with .bundle }}
- --bundle=/etc/ployd-policy/bundle/{{ .key }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ployd-policy.policyMounts" -}}
{{- range $kind := list "rego" "schemas" "catalogues" }}
{{- range $position, $map := index $.Values.policies $kind }}
- name: {{ $kind }}-{{ $position }}
  mountPath: /etc/ployd-policy/{{ $kind }}/{{ $map }}
  readOnly: true
{{- end }}
{{- end }}
{{- range $kind := list "settings" "bundle" }}
{{- if index $.Values.policies $kind }}
- name: {{ $kind }}
  mountPath: /etc/ployd-policy/{{ $kind }}
  readOnly: true
{{- end }}
{{- end }}
{{- end -}}

{{- define "ployd-policy.policyVolumes" -}}
{{- range $kind := list "rego" "schemas" "catalogues" }}
{{- range $position, $map := index $.Values.policies $kind }}
- name: {{ $kind }}-{{ $position }}
  configMap: {name: {{ $map }}}
{{- end }}
{{- end }}
{{- range $kind := list "settings" "bundle" }}
{{- with index $.Values.policies $kind }}
- name: {{ $kind }}
  configMap: {name: {{ .configMap }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* What values.schema.json cannot say, because it is about two values. */}}
{{- define "ployd-policy.validate" -}}
{{- if ge (float64 .Values.server.deadline) (float64 .Values.webhook.timeoutSeconds) -}}
{{- fail "server.deadline must be below webhook.timeoutSeconds: a denial that comes too late is no denial" -}}
{{- end -}}
{{- if and .Values.server.standalone (eq .Values.tls.mode "self-managed") -}}
{{- fail "tls.mode: a standalone server cannot keep its certificate in the cluster; choose cert-manager or secret" -}}
{{- end -}}
{{- if and (eq .Values.tls.mode "secret") (not (and .Values.tls.secretName .Values.tls.caBundle)) -}}
{{- fail "tls.mode secret: set tls.secretName and tls.caBundle, the CA of that certificate" -}}
{{- end -}}
{{- if and (eq .Values.engine.kind "opa") (not .Values.engine.opaUrl) -}}
{{- fail "engine.opaUrl: set the address of the OPA server" -}}
{{- end -}}
{{- if and (eq .Values.engine.kind "opa") .Values.networkPolicy.enabled (not .Values.engine.opaPeers) -}}
{{- fail "engine.opaPeers: name the pods of the OPA server, or the NetworkPolicy keeps ours from it" -}}
{{- end -}}
{{- if eq .Values.probe.namespace .Release.Namespace -}}
{{- fail "probe.namespace: the release's own namespace is never judged, so nothing would be denied in it" -}}
{{- end -}}
{{- if ge (int .Values.podDisruptionBudget.minAvailable) (int .Values.replicas) -}}
{{- fail "podDisruptionBudget.minAvailable must be below replicas, or no node can be drained" -}}
{{- end -}}
{{- end -}}

{{- define "ployd-policy.validateReconciler" -}}
{{- if eq (include "ployd-policy.reconciler.serviceAccountName" .) (include "ployd-policy.serviceAccountName" .) -}}
{{- fail "reconciler.serviceAccount.name: the webhook must not get the reconciler's rights; name another account" -}}
{{- end -}}
{{- with .Values.reconciler.registry -}}
{{- if and .required (not .secretName) -}}
{{- fail "reconciler.registry.secretName: name the Secret with the registry's URI" -}}
{{- end -}}
{{- if and .secretName $.Values.networkPolicy.enabled (not .peers) -}}
{{- fail "reconciler.registry.peers: name the pods of the registry, or the NetworkPolicy keeps ours from it" -}}
{{- end -}}
{{- end -}}
{{- end -}}
