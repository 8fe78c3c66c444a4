"""Settings and grants that every function needs to attribute calls and to price them."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3

from cdk.components.acknowledgements import UNKNOWN_NAMES
from cdk.components.meter_function import MeterFunction
from cdk.config import Config
from lambdas.domain.ledger.state_table import TAGS_PREFIX
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.pricing.editions import EDITIONS_PREFIX, POINTER_KEY
from lambdas.wiring.contracted_prices import write_contracted_prices

_UNKNOWN_CALLERS = (
    "Which profiles, roles and users call is not known before; only their tags are read."
)


def call_settings(config: Config, *, state: dynamodb.ITable, prices: s3.IBucket) -> dict[str, Any]:
    """The fields of `CallSettings`.

    Args:
        config: Prices, and how calls are attributed.
        state: The table of the meter's state, with tags.
        prices: The bucket of price editions.
    """
    return {
        "account_id": Aws.ACCOUNT_ID,
        "state_table": state.table_name,
        "contracted_prices": config.contracted_prices,
        "assume_prices": config.assume_prices,
        "attribution": config.attribution,
        "price_bucket": prices.bucket_name,
    }


def gateway_price_settings(config: Config, prices: s3.IBucket) -> dict[str, Any]:
    """The fields of `RelaySettings` that `CallSettings` has too, with contracted prices as text.

    Args:
        config: Prices.
        prices: The bucket of price editions.
    """
    contracted = write_contracted_prices(config.contracted_prices)
    return {
        "contracted_prices": json.dumps(contracted, separators=(",", ":")),
        "assume_prices": config.assume_prices,
        "price_bucket": prices.bucket_name,
    }


def grant_enrich_calls(
    function: MeterFunction, *, state: dynamodb.ITable, prices: s3.IBucket
) -> None:
    """Grant the reads of attribution and pricing, and the writes of the tags that they store.

    Args:
        function: The function.
        state: The table of the meter's state, with tags.
        prices: The bucket of price editions.
    """
    function.grant_items(
        *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"),
        on=state.table_arn,
        keys=[f"{TAGS_PREFIX}*"],
    )
    profiles = _find_profiles()
    callers = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}"
    for actions, resources in (
        (("bedrock:GetInferenceProfile", "bedrock:ListTagsForResource"), profiles),
        (("iam:ListRoleTags",), f"{callers}:role/*"),
        (("iam:ListUserTags",), f"{callers}:user/*"),
    ):
        function.grant(*actions, on=resources, wildcard=_UNKNOWN_CALLERS)
    grant_read_prices(function, prices)


def grant_read_prices(function: MeterFunction, prices: s3.IBucket) -> None:
    """Grant reading of the price edition in force.

    The function may list the bucket, so that S3 reports an absent object as absent, and not as
    forbidden: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    function.grant("s3:GetObject", on=prices.arn_for_objects(POINTER_KEY))
    editions = prices.arn_for_objects(f"{EDITIONS_PREFIX}*")
    function.grant("s3:GetObject", on=editions, wildcard=UNKNOWN_NAMES)
    function.grant("s3:ListBucket", on=prices.bucket_arn)


def grant_find_models(function: MeterFunction, state: dynamodb.ITable) -> None:
    """Grant what finds the models behind application inference profiles, without their tags.

    Args:
        function: The function.
        state: The table of the meter's state, with the models of profiles that were called.
    """
    function.grant_items(
        "dynamodb:GetItem",
        on=state.table_arn,
        keys=[f"{TAGS_PREFIX}arn:{Aws.PARTITION}:bedrock:*"],
        attributes=[PARTITION_KEY, "model_id", "is_global"],
    )
    function.grant("bedrock:GetInferenceProfile", on=_find_profiles(), wildcard=_UNKNOWN_CALLERS)


def _find_profiles() -> str:
    here = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return f"arn:{Aws.PARTITION}:bedrock:{here}:application-inference-profile/*"
