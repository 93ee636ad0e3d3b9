# Makes an account an administrator of organization packs. Belongs to the management account, and
# AWS takes at most three.

resource "aws_organizations_delegated_administrator" "packs" {
  account_id        = var.administrator_account_id
  service_principal = "config-multiaccountsetup.amazonaws.com"
}

resource "aws_organizations_delegated_administrator" "aggregator" {
  count = var.aggregator ? 1 : 0

  account_id        = var.administrator_account_id
  service_principal = "config.amazonaws.com"
}
