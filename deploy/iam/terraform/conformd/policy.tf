# What the role may do: the same as `conformd iam-policy` prints, which a test compares.

locals {
  # By how the names of regions begin.
  partitions = {
    "cn-"      = "aws-cn"
    "eusc-"    = "aws-eusc"
    "us-gov-"  = "aws-us-gov"
    "us-iso-"  = "aws-iso"
    "us-isob-" = "aws-iso-b"
  }
  partitions_found = distinct([
    for region in sort(tolist(var.regions)) :
    concat([for start, name in local.partitions : name if startswith(region, start)], ["aws"])[0]
  ])
  partition = local.partitions_found[0]

  puts      = var.mode != "observe"
  principal = "config-multiaccountsetup.amazonaws.com"
  packs     = "arn:${local.partition}:config:*:${var.account_id}:organization-conformance-pack"
  in_regions = {
    StringEquals = { "aws:RequestedRegion" = sort(tolist(var.regions)) }
  }

  statements = [
    {
      when = true
      statement = {
        Sid    = "ReadPacks"
        Effect = "Allow"
        Action = [
          "config:DescribeOrganizationConformancePacks",
          "config:DescribeOrganizationConformancePackStatuses",
        ]
        Resource  = ["*"]
        Condition = local.in_regions
      }
    },
    {
      when = true
      statement = {
        Sid       = "ReadMembers"
        Effect    = "Allow"
        Action    = ["config:GetOrganizationConformancePackDetailedStatus"]
        Resource  = ["${local.packs}/*"]
        Condition = local.in_regions
      }
    },
    {
      when = true
      statement = {
        Sid    = "ReadOrganization"
        Effect = "Allow"
        Action = [
          "organizations:DescribeOrganization",
          "organizations:ListAccounts",
          "organizations:ListDelegatedAdministrators",
          "organizations:ListAWSServiceAccessForOrganization",
        ]
        Resource = ["*"]
      }
    },
    {
      when = contains(var.selectors, "ou")
      statement = {
        Sid    = "ReadUnits"
        Effect = "Allow"
        Action = [
          "organizations:ListAccountsForParent",
          "organizations:ListOrganizationalUnitsForParent",
        ]
        Resource = ["*"]
      }
    },
    {
      when = contains(var.selectors, "tags")
      statement = {
        Sid      = "ReadTags"
        Effect   = "Allow"
        Action   = ["organizations:ListTagsForResource"]
        Resource = ["*"]
      }
    },
    {
      when = var.probe_role != null
      statement = merge(
        {
          Sid      = "EnterMembers"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole"]
          Resource = ["arn:${local.partition}:iam::*:role/${coalesce(var.probe_role, "-")}"]
        },
        var.organization_id == null ? {} : {
          Condition = { StringEquals = { "aws:ResourceOrgID" = [var.organization_id] } }
        },
      )
    },
    {
      when = local.puts
      statement = {
        Sid       = "PutPacks"
        Effect    = "Allow"
        Action    = ["config:PutOrganizationConformancePack"]
        Resource  = ["${local.packs}/${var.name_prefix}*"]
        Condition = local.in_regions
      }
    },
    {
      when = local.puts
      statement = {
        Sid      = "CreateServiceLinkedRole"
        Effect   = "Allow"
        Action   = ["iam:CreateServiceLinkedRole", "iam:GetRole"]
        Resource = ["arn:${local.partition}:iam::${var.account_id}:role/aws-service-role/${local.principal}/*"]
      }
    },
    {
      when = local.puts && var.delivery_bucket
      statement = {
        Sid      = "CheckDeliveryBucket"
        Effect   = "Allow"
        Action   = ["s3:GetBucketAcl"]
        Resource = ["arn:${local.partition}:s3:::awsconfigconforms*"]
      }
    },
    {
      when = local.puts && var.trusted_access
      statement = {
        Sid       = "EnableTrustedAccess"
        Effect    = "Allow"
        Action    = ["organizations:EnableAWSServiceAccess"]
        Resource  = ["*"]
        Condition = { StringEquals = { "organizations:ServicePrincipal" = [local.principal] } }
      }
    },
    {
      when = var.mode == "sync"
      statement = {
        Sid       = "DeletePacks"
        Effect    = "Allow"
        Action    = ["config:DeleteOrganizationConformancePack"]
        Resource  = ["${local.packs}/${var.name_prefix}*"]
        Condition = local.in_regions
      }
    },
    {
      when = var.mode == "observe"
      statement = {
        Sid      = "NeverWrite"
        Effect   = "Deny"
        Action   = ["config:Put*", "config:Delete*", "config:TagResource", "config:UntagResource"]
        Resource = ["*"]
      }
    },
    {
      when = var.mode == "upsert"
      statement = {
        Sid      = "NeverDelete"
        Effect   = "Deny"
        Action   = ["config:Delete*"]
        Resource = ["*"]
      }
    },
  ]

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for one in local.statements : one.statement if one.when]
  })
}
