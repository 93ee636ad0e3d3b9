output "role_arn" {
  description = "The role that the daemon runs as."
  value       = aws_iam_role.conformd.arn
}

output "instance_profile_name" {
  description = "The instance profile, where it runs on EC2."
  value       = one(aws_iam_instance_profile.conformd[*].name)
}

output "policy" {
  description = "What the role may do, as JSON."
  value       = local.policy
}
