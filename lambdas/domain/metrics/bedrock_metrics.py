"""Names of the metrics that Amazon Bedrock publishes by itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

BEDROCK_NAMESPACE: Final = "AWS/Bedrock"
"""Source: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html"""
BEDROCK_MODEL_ID: Final = "ModelId"
"""The dimension of a model in `AWS/Bedrock`."""
TIER_DIMENSIONS: Final = (BEDROCK_MODEL_ID, "ServiceTier", "ResolvedServiceTier")
"""The model, the tier that was asked for, and the tier that served the call.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""
MANTLE_NAMESPACE: Final = "AWS/BedrockMantle"
"""Source: https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html"""
MANTLE_MODEL: Final = "Model"
"""The dimension of a model in `AWS/BedrockMantle`."""
MANTLE_PROJECT: Final = "Project"
"""The dimension of a project of `bedrock-mantle`."""


class BedrockMetric(StrEnum):
    """Metrics in `AWS/Bedrock`."""

    INVOCATIONS = "Invocations"
    """Successful calls; a newer edition of the user guide counts those into it that failed after
    they had been accepted."""
    INPUT_TOKENS = "InputTokenCount"
    OUTPUT_TOKENS = "OutputTokenCount"
    CACHE_READ_TOKENS = "CacheReadInputTokens"
    CACHE_READ_TOKENS_IN_ACCOUNTS = "CacheReadInputTokenCount"
    """The spelling that accounts have; the one above is documented."""
    CACHE_WRITE_TOKENS = "CacheWriteInputTokens"
    CACHE_WRITE_TOKENS_IN_ACCOUNTS = "CacheWriteInputTokenCount"
    """The spelling that accounts have; the one above is documented."""
    THROTTLES = "InvocationThrottles"
    CLIENT_ERRORS = "InvocationClientErrors"
    SERVER_ERRORS = "InvocationServerErrors"
    LATENCY = "InvocationLatency"
    TIME_TO_FIRST_TOKEN = "TimeToFirstToken"  # noqa: S105  # a metric's name
    QUOTA_USAGE = "EstimatedTPMQuotaUsage"
    LOGS_DELIVERED = "ModelInvocationLogsCloudWatchDeliverySuccess"
    LOGS_NOT_DELIVERED = "ModelInvocationLogsCloudWatchDeliveryFailure"


class MantleMetric(StrEnum):
    """Metrics in `AWS/BedrockMantle`."""

    INFERENCES = "Inferences"
    INPUT_TOKENS = "TotalInputTokens"
    OUTPUT_TOKENS = "TotalOutputTokens"
