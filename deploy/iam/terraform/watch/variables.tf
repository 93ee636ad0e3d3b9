variable "daemon_role_arn" {
  description = "The daemon's role: everybody else's writes are reported."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/.+$", var.daemon_role_arn))
    error_message = "Give the ARN of a role."
  }
}

variable "every_delete" {
  description = "Whether deletes by any principal are reported, including conformd."
  type        = bool
  default     = true
}

variable "topic_arn" {
  description = "An SNS topic of this region that EventBridge may publish to. Null: one is made."
  type        = string
  default     = null
}

variable "name" {
  description = "The name of rule and topic."
  type        = string
  default     = "conformd-foreign-writes"
}

variable "tags" {
  description = "Tags of rule and topic."
  type        = map(string)
  default     = {}
}
