# A whole installation: a delegated administrator in charge, a daemon on ECS that may delete, probes
# in every account, and a word when anybody else writes packs.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.31"
    }
  }
}

variable "external_id" {
  description = "recorderProbe.externalId of the settings: openssl rand -hex 16"
  type        = string
}

locals {
  organization_id = "o-a1b2c3d4e5"
  security        = "111122223333"
}

# The management account.
provider "aws" {
  alias  = "management"
  region = "us-east-1"
}

# The delegated administrator, which owns the packs.
provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "eu-west-1"
  region = "eu-west-1"
}

module "delegation" {
  source    = "../delegation"
  providers = { aws = aws.management }

  administrator_account_id = local.security
}

module "conformd" {
  source = "../conformd"

  account_id      = module.delegation.administrator_account_id
  mode            = "sync"
  regions         = ["us-east-1", "eu-west-1"]
  organization_id = local.organization_id
  probe_role      = module.probe_members.probe_role
  runs_on         = "ecs"
}

module "probe_members" {
  source    = "../probe-stackset"
  providers = { aws = aws.management }

  owner_account_id = local.security
  organization_id  = local.organization_id
  unit_ids         = ["r-ab12"]
  external_id      = var.external_id
}

# StackSets leave the management account out.
module "probe_management" {
  source    = "../probe-role"
  providers = { aws = aws.management }

  owner_account_id = local.security
  organization_id  = local.organization_id
  external_id      = var.external_id
}

module "watch_us_east_1" {
  source = "../watch"

  daemon_role_arn = module.conformd.role_arn
}

module "watch_eu_west_1" {
  source    = "../watch"
  providers = { aws = aws.eu-west-1 }

  daemon_role_arn = module.conformd.role_arn
}

output "role_arn" {
  description = "The task role of the daemon."
  value       = module.conformd.role_arn
}
