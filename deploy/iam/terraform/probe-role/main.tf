# The role that shows the recorders of one account. Members get it by a StackSet, which does not
# reach the management account; this module is for that one, and for those without StackSets.

locals {
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LetDaemonIn"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.partition}:iam::${var.owner_account_id}:root" }
      Action    = ["sts:AssumeRole"]
      Condition = {
        StringEquals = {
          "aws:PrincipalOrgID" = [var.organization_id]
          "sts:ExternalId"     = [var.external_id]
        }
        ArnEquals = {
          "aws:PrincipalArn" = ["arn:${var.partition}:iam::${var.owner_account_id}:role/${var.daemon_role}"]
        }
      }
    }]
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "ReadRecorders"
      Effect = "Allow"
      Action = [
        "config:DescribeConfigurationRecorders",
        "config:DescribeConfigurationRecorderStatus",
      ]
      Resource = ["*"]
    }]
  })
}

resource "aws_iam_role" "probe" {
  name                 = var.name
  path                 = var.path
  description          = "Shows conformd the configuration recorders of this account"
  assume_role_policy   = local.trust
  max_session_duration = 3600
  tags                 = var.tags
}

resource "aws_iam_role_policy" "probe" {
  name   = "ReadRecorders"
  role   = aws_iam_role.probe.name
  policy = local.policy
}
