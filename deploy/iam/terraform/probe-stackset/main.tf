# The probe's role in every member, those that join later included. Service-managed StackSets leave
# the management account out: use the module probe-role there.

resource "aws_cloudformation_stack_set" "probe" {
  name             = var.name
  description      = "Shows conformd the configuration recorders of each account"
  template_body    = file("${path.module}/../../cloudformation/probe-role.yaml")
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as
  capabilities     = ["CAPABILITY_NAMED_IAM"]

  parameters = {
    OwnerAccountId = var.owner_account_id
    OrganizationId = var.organization_id
    ExternalId     = var.external_id
    DaemonRole     = var.daemon_role
    RolePath       = var.path
    RoleName       = var.role_name
  }

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  operation_preferences {
    failure_tolerance_percentage = 100
    max_concurrent_percentage    = 100
    region_concurrency_type      = "PARALLEL"
  }

  lifecycle {
    # AWS fills it in for service-managed StackSets, which have none.
    ignore_changes = [administration_role_arn]
  }
}

resource "aws_cloudformation_stack_set_instance" "probe" {
  stack_set_name = aws_cloudformation_stack_set.probe.name
  region         = var.region
  call_as        = var.call_as

  deployment_targets {
    organizational_unit_ids = var.unit_ids
  }
}
