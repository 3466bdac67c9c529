{{- define "auricle.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "auricle.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "auricle.labels" -}}
{{ include "auricle.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "auricle.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ if .Values.gpu.enabled }}-cuda{{ end }}
{{- end }}

{{- define "auricle.secret" -}}
{{- if .Values.keys.existingSecret -}}{{ .Values.keys.existingSecret }}
{{- else if .Values.keys.values -}}{{ include "auricle.name" . }}-keys
{{- end -}}
{{- end }}

{{/* The names by which the server is called within the cluster and from outside. */}}
{{- define "auricle.hosts" -}}
{{- $name := include "auricle.name" . -}}
{{- $own := list (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) -}}
{{- $outside := ternary .Values.ingress.hosts (list) .Values.ingress.enabled -}}
{{- $given := splitList "," (default "" .Values.settings.allowed_hosts | toString) -}}
{{- join "," (concat $own $outside (compact $given)) -}}
{{- end }}

{{- define "auricle.check" -}}
{{- if not (or .Values.keys.existingSecret .Values.keys.values .Values.keys.insecure) -}}
{{- fail "others reach this server: give keys.existingSecret or keys.values, or say keys.insecure=true" -}}
{{- end -}}
{{- if and .Values.jobs.enabled (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) -}}
{{- fail "a job is known to the server alone that took it: with several say jobs.enabled=false" -}}
{{- end -}}
{{- range list "host" "port" "cache_dir" "data_dir" "drain_s" "api_keys" "api_keys_file" "keyring" "insecure" -}}
{{- if hasKey $.Values.settings . -}}
{{- fail (printf "settings.%s is set by the chart" .) -}}
{{- end -}}
{{- end -}}
{{- end }}
