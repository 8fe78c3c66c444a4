"""The services of `traffic_auditor`, over the account's Regions, Bedrock and its metrics."""

from __future__ import annotations

from collections.abc import Collection

import boto3

from lambdas.adapters.aws_account_regions import AwsAccountRegions
from lambdas.adapters.bedrock.async_invocations import BedrockAsyncInvocations
from lambdas.adapters.bedrock.batch_jobs import BedrockBatchJobs
from lambdas.adapters.cloudwatch.traffic_reader import CloudWatchTrafficReader
from lambdas.adapters.dynamodb.counted_batch_jobs import DynamoDbCountedBatchJobs
from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.adapters.s3.batch_manifests import S3BatchManifests
from lambdas.domain.unmetered import TrafficScope
from lambdas.services.audit_traffic import TrafficAuditor, TrafficSources, TrafficWatcher
from lambdas.services.count_batch_jobs import BatchJobCounter
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


def make_batch_job_counter(*, state_table: str, buckets: Collection[str]) -> BatchJobCounter:
    """Make a counter of the batch jobs of the account that the function runs in."""
    return BatchJobCounter(
        BedrockBatchJobs(boto3.client("bedrock", config=BRIEF)),
        S3BatchManifests(boto3.client("s3", config=BRIEF), buckets),
        DynamoDbCountedBatchJobs(boto3.client("dynamodb"), state_table),
    )
