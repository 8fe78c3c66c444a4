"""The watcher of `traffic_auditor`, over the account's Regions, Bedrock and its metrics."""

from __future__ import annotations

import boto3

from lambdas.adapters.aws_account_regions import AwsAccountRegions
from lambdas.adapters.bedrock.async_invocations import BedrockAsyncInvocations
from lambdas.adapters.cloudwatch.traffic_reader import CloudWatchTrafficReader
from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.domain.unmetered import TrafficScope
from lambdas.services.audit_traffic import TrafficAuditor, TrafficSources, TrafficWatcher
from lambdas.wiring.client_timeouts import BRIEF
from lambdas.wiring.notifiers import make_notifier


def make_watcher(*, scope: TrafficScope, state_table: str, topic_arn: str) -> TrafficWatcher:
    """Make a watcher of the account that the function runs in."""
    auditor = TrafficAuditor(
        scope,
        make_sources(scope.region),
        DynamoDbSentNotices(boto3.client("dynamodb"), state_table),
        make_notifier(topic_arn),
    )
    return TrafficWatcher(auditor)


def make_sources(region: str) -> TrafficSources:
    """Make the sources that an audit reads; a Region that is slow to answer delays no other."""
    return TrafficSources(
        AwsAccountRegions(boto3.client("account", config=BRIEF)),
        CloudWatchTrafficReader(
            region,
            lambda other: boto3.client("cloudwatch", region_name=other, config=BRIEF),
        ),
        BedrockAsyncInvocations(boto3.client("bedrock-runtime", config=BRIEF)),
    )
