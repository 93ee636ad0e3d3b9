output "role_arn" {
  description = "The role."
  value       = aws_iam_role.probe.arn
}

output "policy" {
  description = "What the role may do, as JSON."
  value       = local.policy
}

output "trust" {
  description = "Who may become the role, as JSON."
  value       = local.trust
}
