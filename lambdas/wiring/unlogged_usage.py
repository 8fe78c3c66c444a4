"""The reader of what invocation logs do not have, over Bedrock, its metrics and the state table."""

from __future__ import annotations

import boto3

from lambdas.adapters.bedrock.batch_jobs import BedrockBatchJobs
from lambdas.adapters.cloudwatch.mantle_metrics import CloudWatchMantleMetrics
from lambdas.adapters.dynamodb.counted_batch_jobs import DynamoDbCountedBatchJobs
from lambdas.domain.unlogged import UnloggedUsageReader
from lambdas.wiring.client_timeouts import PROMPT


def make_unlogged_usage_reader(state_table: str) -> UnloggedUsageReader:
    """Make a reader of the account that the function runs in."""
    return UnloggedUsageReader(
        CloudWatchMantleMetrics(boto3.client("cloudwatch", config=PROMPT)),
        BedrockBatchJobs(boto3.client("bedrock", config=PROMPT)),
        DynamoDbCountedBatchJobs(boto3.client("dynamodb", config=PROMPT), state_table),
    )
