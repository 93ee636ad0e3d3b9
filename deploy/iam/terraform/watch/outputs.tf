output "topic_arn" {
  description = "Where the reports go; subscribe to it."
  value       = local.topic
}
