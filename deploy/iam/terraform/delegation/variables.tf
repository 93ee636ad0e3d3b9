variable "administrator_account_id" {
  description = "The account that will own the packs."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.administrator_account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "aggregator" {
  description = "Whether it also administers AWS Config itself (aggregators of the whole organization), which conformd does not need."
  type        = bool
  default     = false
}
