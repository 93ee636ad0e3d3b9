# Who may become the role.

locals {
  issuer = var.irsa == null ? "" : join("/", slice(split("/", var.irsa.provider_arn), 1, length(split("/", var.irsa.provider_arn))))

  of_this_account = { StringEquals = { "aws:SourceAccount" = var.account_id } }

  trusts = {
    ec2 = {
      when = true
      statement = {
        Effect    = "Allow"
        Principal = { Service = local.partition == "aws-cn" ? "ec2.amazonaws.com.cn" : "ec2.amazonaws.com" }
        Action    = ["sts:AssumeRole"]
      }
    }
    ecs = {
      when = true
      statement = {
        Effect    = "Allow"
        Principal = { Service = "ecs-tasks.amazonaws.com" }
        Action    = ["sts:AssumeRole"]
        Condition = merge(local.of_this_account, {
          ArnLike = { "aws:SourceArn" = "arn:${local.partition}:ecs:*:${var.account_id}:*" }
        })
      }
    }
    eks-pod-identity = {
      when = true
      statement = {
        Effect    = "Allow"
        Principal = { Service = "pods.eks.amazonaws.com" }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
        Condition = merge(local.of_this_account, var.cluster_arn == null ? {} : {
          ArnEquals = { "aws:SourceArn" = var.cluster_arn }
        })
      }
    }
    eks-irsa = {
      when = var.irsa != null
      statement = {
        Effect    = "Allow"
        Principal = { Federated = try(var.irsa.provider_arn, "") }
        Action    = ["sts:AssumeRoleWithWebIdentity"]
        Condition = {
          StringEquals = {
            "${local.issuer}:aud" = "sts.amazonaws.com"
            "${local.issuer}:sub" = try("system:serviceaccount:${var.irsa.namespace}:${var.irsa.service_account}", "")
          }
        }
      }
    }
    account = {
      when = var.principal_arn != null
      statement = merge(
        {
          Effect    = "Allow"
          Principal = { AWS = coalesce(var.principal_arn, "-") }
          Action    = ["sts:AssumeRole"]
        },
        var.principal_external_id == null ? {} : {
          Condition = { StringEquals = { "sts:ExternalId" = var.principal_external_id } }
        },
      )
    }
  }

  trust = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.trusts[var.runs_on].statement]
  })
}
