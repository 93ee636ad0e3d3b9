variable "account_id" {
  description = "The account that owns the packs and holds the role: the management account or a delegated administrator."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "regions" {
  description = "The regions to keep, as aws.regions of the settings."
  type        = set(string)

  validation {
    condition     = length(var.regions) > 0
    error_message = "Name at least one region."
  }

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2,}(-[a-z0-9]+)+-[0-9]+$", region))])
    error_message = "A region is named like eu-west-1."
  }
}

variable "mode" {
  description = "How much conformd may change: observe, upsert or sync. There is no default, as in the settings."
  type        = string

  validation {
    condition     = contains(["observe", "upsert", "sync"], var.mode)
    error_message = "The mode is observe, upsert or sync."
  }
}

variable "name_prefix" {
  description = "How the name of every pack begins that may be written; empty for any name."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-zA-Z][-a-zA-Z0-9]{0,127})?$", var.name_prefix))
    error_message = "A prefix is a letter, then letters, digits or hyphens."
  }
}

variable "selectors" {
  description = "What manifests select accounts by, beyond their ids: ou, tags."
  type        = set(string)
  default     = ["ou", "tags"]

  validation {
    condition     = length(setsubtract(var.selectors, ["ou", "tags"])) == 0
    error_message = "Selectors are ou and tags."
  }
}

variable "delivery_bucket" {
  description = "Whether manifests name a bucket for the results of packs."
  type        = bool
  default     = false
}

variable "trusted_access" {
  description = "Whether the role may give AWS Config trusted access: only in the management account, and only if it is not enabled yet."
  type        = bool
  default     = false
}

variable "probe_role" {
  description = "The role in members that shows their recorders, with its path: recorderProbe.roleName of the settings. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.probe_role == null || can(regex("^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$", var.probe_role))
    error_message = "Give the role's name with its path and without a slash in front, such as conformd/RecorderProbe."
  }
}

variable "organization_id" {
  description = "The organization whose accounts the probe may enter. Null: any account that lets it."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "An organization's id begins with o-."
  }
}

variable "name" {
  description = "The role's name. The probe's role trusts it by this name."
  type        = string
  default     = "conformd"
}

variable "runs_on" {
  description = "Where conformd runs: ec2, ecs, eks-pod-identity, eks-irsa, or account for a principal of your own (another account, a build machine)."
  type        = string

  validation {
    condition     = contains(["ec2", "ecs", "eks-pod-identity", "eks-irsa", "account"], var.runs_on)
    error_message = "It runs on ec2, ecs, eks-pod-identity, eks-irsa, or as a principal of an account."
  }
}

variable "irsa" {
  description = "For eks-irsa: the cluster's OIDC provider, and the one service account that may use the role."
  type = object({
    provider_arn    = string
    namespace       = string
    service_account = string
  })
  default = null
}

variable "cluster_arn" {
  description = "For eks-pod-identity: the one cluster whose pods may use the role. Null: any of the account."
  type        = string
  default     = null
}

variable "principal_arn" {
  description = "For account: the role or user that may become conformd's role."
  type        = string
  default     = null
}

variable "principal_external_id" {
  description = "For account: the external id that the principal must send; required if it belongs to another organization."
  type        = string
  default     = null
}

variable "permissions_boundary" {
  description = "ARN of a permissions boundary for the role."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the role and its policy."
  type        = map(string)
  default     = {}
}
