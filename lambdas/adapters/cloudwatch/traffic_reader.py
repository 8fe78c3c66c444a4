"""Reads calls from Bedrock's own metrics, in any Region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.adapters.refusals import failure_code
from lambdas.domain.completeness import (
    ALL_MODELS,
    OWN_METRICS,
    AuditWindow,
    MetricReadError,
    Quantity,
)
from lambdas.domain.metrics.bedrock_metrics import (
    BEDROCK_MODEL_ID,
    BEDROCK_NAMESPACE,
    MANTLE_MODEL,
    MANTLE_NAMESPACE,
    TIER_DIMENSIONS,
    BedrockMetric,
    MantleMetric,
)
from lambdas.domain.metrics.catalog import COVERAGE_SHORTFALL, HEALTH_NAMESPACE, NAMESPACE
from lambdas.domain.unmetered import RegionTraffic, TierCalls, TrafficUnavailableError
from lambdas.domain.unmetered.regions import MAX_MODELS_OF_A_REGION
from lambdas.domain.unmetered.tiers import choose_tiers, is_standard

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_OWN_CALLS = (*OWN_METRICS[Quantity.CALLS], *OWN_METRICS[Quantity.FAILED_CALLS])


class CloudWatchTrafficReader:
    """Reads with a client of each Region; errors of one Region name it."""

    def __init__(self, region: str, make_client: Callable[[str], CloudWatchClient]) -> None:
        """Read metrics.

        Args:
            region: The deployment's own Region.
            make_client: Makes a client of a Region.
        """
        self._region = region
        self._make_client = make_client

    def read_region(self, region: str, window: AuditWindow) -> RegionTraffic:
        """Read the calls in a Region, and the number that a deployment there has counted.

        CloudWatch bills each metric. The meter's own are read only where there are calls, and those
        of models only where they are few.

        Raises:
            TrafficUnavailableError: CloudWatch refuses, or does not answer.
        """
        try:
            reader = CloudWatchMetricReader(self._make_client(region))
            calls = _calls_by_model(
                reader, BEDROCK_NAMESPACE, BedrockMetric.INVOCATIONS, BEDROCK_MODEL_ID, window
            )
            mantle = _calls_by_model(
                reader, MANTLE_NAMESPACE, MantleMetric.INFERENCES, MANTLE_MODEL, window
            )
            metered = _metered(reader, window) if calls or mantle else None
        except (BotoCoreError, ClientError, MetricReadError) as error:
            raise TrafficUnavailableError(failure_code(error)) from error
        return RegionTraffic(region, calls, mantle, metered)

    def read_tiers(self, window: AuditWindow) -> Sequence[TierCalls]:
        """Read the calls in the deployment's own Region at other tiers than standard, by model.

        Raises:
            TrafficUnavailableError: CloudWatch refuses, or does not answer.
        """
        try:
            reader = CloudWatchMetricReader(self._make_client(self._region))
            listed = reader.list_values(
                BEDROCK_NAMESPACE, BedrockMetric.INVOCATIONS, TIER_DIMENSIONS
            )
            misread = [values for values in listed if not is_standard(values[-1])]
            chosen = choose_tiers(misread, window)
            sums = reader.sum_by_values(
                BEDROCK_NAMESPACE, BedrockMetric.INVOCATIONS, TIER_DIMENSIONS, chosen, window
            )
        except (BotoCoreError, ClientError, MetricReadError) as error:
            message = f"the calls by service tier cannot be read: {failure_code(error)}"
            raise TrafficUnavailableError(message) from error
        # Calls that asked for different tiers and were served at the same one are two metrics.
        served: dict[tuple[str, str], int] = {}
        for (model, _, tier), calls in sums.items():
            served[model, tier] = served.get((model, tier), 0) + calls
        return [TierCalls(model, tier, calls) for (model, tier), calls in served.items()]


def _calls_by_model(
    reader: CloudWatchMetricReader,
    namespace: str,
    name: str,
    dimension: str,
    window: AuditWindow,
) -> Mapping[str, int]:
    """Read calls by model, or of all models where these are too many."""
    listed = reader.list_values(namespace, name, (dimension,))
    models = list(islice(listed, MAX_MODELS_OF_A_REGION + 1))
    if len(models) > MAX_MODELS_OF_A_REGION:
        calls = {ALL_MODELS: sum(reader.sum_account(namespace, [name], window).values())}
    else:
        sums = reader.sum_by_values(namespace, name, (dimension,), models, window)
        calls = {model: count for (model,), count in sums.items()}
    return {model: count for model, count in calls.items() if count}


def _metered(reader: CloudWatchMetricReader, window: AuditWindow) -> int | None:
    """Read the calls that a deployment has counted; `None` where it has published nothing."""
    own = reader.sum_account(NAMESPACE, _OWN_CALLS, window)
    is_there = own or reader.sum_account(HEALTH_NAMESPACE, [COVERAGE_SHORTFALL.name], window)
    return sum(own.values()) if is_there else None
