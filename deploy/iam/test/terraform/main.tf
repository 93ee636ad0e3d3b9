# Every case of the check as one plan, which asks nobody.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
}

variable "roles" {
  description = "Arguments of the module conformd, by case."
  type        = any
}

variable "probes" {
  description = "Arguments of the module probe-role, by case."
  type        = any
}

module "role" {
  source   = "../../terraform/conformd"
  for_each = var.roles

  account_id            = each.value.account_id
  regions               = each.value.regions
  mode                  = each.value.mode
  name_prefix           = each.value.name_prefix
  selectors             = each.value.selectors
  delivery_bucket       = each.value.delivery_bucket
  trusted_access        = each.value.trusted_access
  probe_role            = each.value.probe_role
  organization_id       = each.value.organization_id
  runs_on               = each.value.runs_on
  principal_arn         = each.value.principal_arn
  principal_external_id = each.value.principal_external_id
  irsa                  = each.value.irsa
}

module "probe" {
  source   = "../../terraform/probe-role"
  for_each = var.probes

  owner_account_id = each.value.owner_account_id
  partition        = each.value.partition
  organization_id  = each.value.organization_id
  external_id      = each.value.external_id
  daemon_role      = each.value.daemon_role
}
