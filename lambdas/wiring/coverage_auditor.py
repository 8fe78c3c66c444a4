"""The watcher of `coverage_auditor`, over CloudWatch, DynamoDB and SNS."""

from __future__ import annotations

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.attribution.profile_models import ProfileModels
from lambdas.domain.counters import CellMinutes
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder
from lambdas.services.read_counted_usage import CountedUsageReader
from lambdas.services.watch_coverage import CoverageWatcher


def make_watcher(
    *,
    topic_arn: str,
    state_table: str,
    alarm_metric: str,
    profiles_arn: str,
    max_models: int,
    stack_id: str,
    counter_table: str | None = None,
    cell_minutes: CellMinutes = 60,
) -> CoverageWatcher:
    """Make a watcher of the account that the function runs in.

    Exact counters are compared if their table is given.
    """
    dynamodb = boto3.client("dynamodb")
    reader = CloudWatchMetricReader(boto3.client("cloudwatch"))
    cache = DynamoDbTagCache(dynamodb, state_table)
    counters = DynamoDbCounters(dynamodb, counter_table) if counter_table else None
    auditor = CoverageAuditor(
        reader,
        ProfileModels(cache, profiles_arn).name_model,
        max_models,
        metered_since=created_at(boto3.client("cloudformation"), stack_id),
        counters=CountedUsageReader(counters, cell_minutes) if counters else None,
    )
    notifier = SnsNotifier(boto3.client("sns"), topic_arn)
    return CoverageWatcher(auditor, ForgedSeriesFinder(reader, alarm_metric), notifier)
