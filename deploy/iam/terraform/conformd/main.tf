# The role that the daemon runs as, in the account that owns the packs.

resource "aws_iam_role" "conformd" {
  name                 = var.name
  description          = "conformd in mode ${var.mode}"
  assume_role_policy   = local.trust
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = local.trusts[var.runs_on].when
      error_message = "eks-irsa takes irsa, and account takes principal_arn."
    }

    precondition {
      condition     = length(local.partitions_found) == 1
      error_message = "The regions are of different partitions, which no account is in together."
    }

    precondition {
      condition     = length(local.policy) <= 6144
      error_message = "The policy is longer than the 6,144 characters that AWS takes."
    }
  }
}

resource "aws_iam_policy" "conformd" {
  name        = var.name
  description = "What conformd may do in mode ${var.mode}"
  policy      = local.policy
  tags        = var.tags
}

resource "aws_iam_role_policy_attachment" "conformd" {
  role       = aws_iam_role.conformd.name
  policy_arn = aws_iam_policy.conformd.arn
}

resource "aws_iam_instance_profile" "conformd" {
  count = var.runs_on == "ec2" ? 1 : 0

  name = var.name
  role = aws_iam_role.conformd.name
  tags = var.tags
}
