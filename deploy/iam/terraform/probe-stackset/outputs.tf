output "probe_role" {
  description = "recorderProbe.roleName of the settings, and probe_role of the module conformd."
  value       = trimprefix("${var.path}${var.role_name}", "/")
}
