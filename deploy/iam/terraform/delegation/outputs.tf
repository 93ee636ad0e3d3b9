output "administrator_account_id" {
  description = "aws.expectedAccountId of the settings, known once the account is registered."
  value       = aws_organizations_delegated_administrator.packs.account_id
}
