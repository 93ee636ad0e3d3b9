{{/* The name of everything in this release. */}}
{{- define "conformd.fullname" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "conformd" $name) }}{{ $name = printf "%s-conformd" $name }}{{ end -}}
{{- default $name .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{/* What the Deployment and the Service select by. The name is also the job of the alerts, so it
     is the same in every release. */}}
{{- define "conformd.selector" -}}
app.kubernetes.io/name: conformd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "conformd.labels" -}}
{{ include "conformd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "conformd.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "conformd.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.name, since serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "conformd.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end -}}
{{- end }}

{{/* The claim of the volume that holds the record. */}}
{{- define "conformd.claim" -}}
{{- default (printf "%s-state" (include "conformd.fullname" .)) .Values.state.existingClaim -}}
{{- end }}

{{/* The directory of the manifests beneath the source root. */}}
{{- define "conformd.path" -}}
{{- with .Values.source -}}
{{- if .git }}{{ clean (default "packs" .git.path) -}}
{{- else if .configMap }}{{ default "." .configMap.path -}}
{{- else }}{{ default "packs" .path }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "conformd.settings" -}}
{{- if eq (int .Values.http.port) (int .Values.http.metricsPort) -}}
{{- fail "http.port and http.metricsPort are the same" -}}
{{- end -}}
{{- $address := ternary "0.0.0.0" "127.0.0.1" .Values.http.exposed -}}
{{- $http := dict "listen" (printf "%s:%d" $address (int .Values.http.port)) -}}
{{- $_ := set $http "metricsListen" (printf "0.0.0.0:%d" (int .Values.http.metricsPort)) -}}
{{- if .Values.http.token }}{{ $_ := set $http "tokenFile" "/run/secrets/conformd/token" }}{{ end -}}
{{- /* git-sync publishes by changing this link. The root has to be the link itself, so that conformd
       sees that a tree was published whole. */ -}}
{{- $root := ternary "/source/current" "/source" (hasKey .Values.source "git") -}}
{{- $source := dict "directory" (dict "root" $root "path" (include "conformd.path" .)) -}}
{{- $ours := dict "mode" .Values.mode "source" $source "http" $http -}}
{{- merge $ours .Values.settings | toYaml -}}
{{- end }}

{{/* A file of `source.files` as a key of a ConfigMap, which may hold no slash. */}}
{{- define "conformd.key" -}}
{{- replace "/" "__" . -}}
{{- end }}
