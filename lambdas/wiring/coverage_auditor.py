"""The watcher of `coverage_auditor`, over CloudWatch, DynamoDB and SNS."""

from __future__ import annotations

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.attribution.profile_models import ProfileModels
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder
from lambdas.services.watch_coverage import CoverageWatcher


def make_watcher(
    *,
    topic_arn: str,
    state_table: str,
    alarm_metric: str,
    profiles_arn: str,
    max_models: int,
    stack_id: str,
) -> CoverageWatcher:
    """Make a watcher of the account that the function runs in."""
    reader = CloudWatchMetricReader(boto3.client("cloudwatch"))
    cache = DynamoDbTagCache(boto3.client("dynamodb"), state_table)
    auditor = CoverageAuditor(
        reader,
        ProfileModels(cache, profiles_arn).name_model,
        max_models,
        metered_since=created_at(boto3.client("cloudformation"), stack_id),
    )
    notifier = SnsNotifier(boto3.client("sns"), topic_arn)
    return CoverageWatcher(auditor, ForgedSeriesFinder(reader, alarm_metric), notifier)
