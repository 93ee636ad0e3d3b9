# Reports when another principal writes organization packs: CloudTrail's events of one region, by
# EventBridge, to a topic. Use it once a region, in the account that owns the packs; it needs a
# trail that records management events.

locals {
  writes  = ["PutOrganizationConformancePack", "DeleteOrganizationConformancePack"]
  deletes = ["DeleteOrganizationConformancePack"]

  others = [{ anything-but = [var.daemon_role_arn] }]
  # Users and the root have no session that a role issued.
  nobody = [{ exists = false }]

  pattern = {
    source      = ["aws.config"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource = ["config.amazonaws.com"]
      "$or" = concat(
        [for issuer in [local.others, local.nobody] : {
          eventName    = local.writes
          userIdentity = { sessionContext = { sessionIssuer = { arn = issuer } } }
        }],
        [for names in [local.deletes] : { eventName = names } if var.every_delete],
      )
    }
  }

  topic = var.topic_arn == null ? aws_sns_topic.writes[0].arn : var.topic_arn
}

resource "aws_cloudwatch_event_rule" "writes" {
  name          = var.name
  description   = "Writes of organization conformance packs by others than conformd"
  event_pattern = jsonencode(local.pattern)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "topic" {
  rule = aws_cloudwatch_event_rule.writes.name
  arn  = local.topic
}

resource "aws_sns_topic" "writes" {
  count = var.topic_arn == null ? 1 : 0

  name = var.name
  tags = var.tags
}

resource "aws_sns_topic_policy" "writes" {
  count = var.topic_arn == null ? 1 : 0

  arn = aws_sns_topic.writes[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LetTheRulePublish"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["sns:Publish"]
      Resource  = [aws_sns_topic.writes[0].arn]
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.writes.arn } }
    }]
  })
}
