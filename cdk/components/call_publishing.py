"""Settings and grants that functions need to publish metrics of calls."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3

from cdk.components.call_enrichment import call_settings, grant_enrich_calls
from cdk.components.meter_function import MeterFunction
from cdk.components.metric_grants import grant_put_metrics
from cdk.config import Config
from lambdas.domain.ledger.state_table import (
    IDENTITIES_PREFIX,
    IDENTITY_PREFIX,
    MODEL_SCOPE,
    PAIR_SCOPE,
    PROJECT_SCOPE,
    SESSIONS_PREFIX,
    UNPRICED_PREFIX,
)

_REGISTRY = [
    f"{scope}{prefix}*"
    for scope in ("", PROJECT_SCOPE, MODEL_SCOPE, PAIR_SCOPE)
    for prefix in (IDENTITY_PREFIX, IDENTITIES_PREFIX, SESSIONS_PREFIX)
]


def publishing_settings(
    config: Config, *, state: dynamodb.ITable, prices: s3.IBucket
) -> dict[str, Any]:
    """The fields of `PublishingSettings`.

    Args:
        config: Prices, how calls are attributed, and which metrics are published.
        state: The table of the meter's state.
        prices: The bucket of price editions.
    """
    return {
        **call_settings(config, state=state, prices=prices),
        "metric_detail": config.metric_detail,
        "max_identities": config.max_identities,
        "max_models": config.max_models,
        "role_rollup_patterns": config.role_rollup_patterns,
    }


def grant_publish_calls(
    function: MeterFunction, *, state: dynamodb.ITable, prices: s3.IBucket
) -> None:
    """Grant publishing of metrics of calls, and the reads and writes that it needs.

    Args:
        function: The function.
        state: The table of the meter's state.
        prices: The bucket of price editions.
    """
    table = state.table_arn
    unpriced = ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")
    function.grant_items(*unpriced, on=table, keys=[f"{UNPRICED_PREFIX}*"])
    registry = ("dynamodb:PutItem", "dynamodb:UpdateItem")
    function.grant_items(*registry, on=table, keys=_REGISTRY)
    grant_enrich_calls(function, state=state, prices=prices)
    grant_put_metrics(function)
    function.grant_read_write_data()
