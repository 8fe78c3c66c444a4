"""The audits of `coverage_auditor`, over CloudWatch, DynamoDB and SNS."""

from __future__ import annotations

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.adapters.dynamodb.tag_memory import DynamoDbTagMemory
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.attribution.profile_models import ProfileModels
from lambdas.services.audit_coverage import CoverageAuditor, CoverageWatch


def make_coverage_watch(
    *, topic_arn: str, ledger_table: str, profiles_arn: str, max_models: int, stack_id: str
) -> CoverageWatch:
    """Make a watch of the account that the function runs in."""
    memory = DynamoDbTagMemory(boto3.client("dynamodb"), ledger_table)
    auditor = CoverageAuditor(
        CloudWatchMetricReader(boto3.client("cloudwatch")),
        ProfileModels(memory, profiles_arn).name_model,
        max_models,
        metered_since=created_at(boto3.client("cloudformation"), stack_id),
    )
    return CoverageWatch(auditor, SnsNotifier(boto3.client("sns"), topic_arn))
