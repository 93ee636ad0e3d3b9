variable "owner_account_id" {
  description = "The account that owns the packs, where the daemon's role is."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.owner_account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "organization_id" {
  description = "The organization."
  type        = string

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "An organization's id begins with o-."
  }
}

variable "unit_ids" {
  description = "The root (r-…) or the organizational units whose accounts get the role."
  type        = set(string)

  validation {
    condition     = length(var.unit_ids) > 0 && alltrue([for id in var.unit_ids : can(regex("^(r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32})$", id))])
    error_message = "Name the root (r-…) or organizational units (ou-…)."
  }
}

variable "external_id" {
  description = "recorderProbe.externalId of the settings; another for each installation, such as `openssl rand -hex 16` prints."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]{2,}$", var.external_id)) && length(var.external_id) <= 1224
    error_message = "An external id has 2 to 1,224 ASCII letters, digits or any of _+=,.@:/-."
  }
}

variable "daemon_role" {
  description = "The daemon's role in the owner's account, with its path."
  type        = string
  default     = "conformd"
}

variable "path" {
  description = "The role's path; with its name it is recorderProbe.roleName of the settings."
  type        = string
  default     = "/conformd/"
}

variable "role_name" {
  description = "The role's name."
  type        = string
  default     = "RecorderProbe"
}

variable "name" {
  description = "The StackSet's name."
  type        = string
  default     = "conformd-recorder-probe"
}

variable "region" {
  description = "The region whose CloudFormation creates the role; every member has to have it enabled."
  type        = string
  default     = "us-east-1"
}

variable "call_as" {
  description = "SELF in the management account, DELEGATED_ADMIN in a delegated administrator of CloudFormation StackSets."
  type        = string
  default     = "SELF"

  validation {
    condition     = contains(["SELF", "DELEGATED_ADMIN"], var.call_as)
    error_message = "It is SELF or DELEGATED_ADMIN."
  }
}
