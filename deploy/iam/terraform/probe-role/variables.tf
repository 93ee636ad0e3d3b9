variable "owner_account_id" {
  description = "The account that owns the packs, where the daemon's role is."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.owner_account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "partition" {
  description = "The partition of both accounts: aws, aws-cn, aws-us-gov."
  type        = string
  default     = "aws"
}

variable "organization_id" {
  description = "The organization of both accounts."
  type        = string

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "An organization's id begins with o-."
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

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.path))
    error_message = "A path begins and ends with a slash."
  }
}

variable "name" {
  description = "The role's name."
  type        = string
  default     = "RecorderProbe"
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}
