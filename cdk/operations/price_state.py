"""Reads the state of price updates that a deployment keeps."""

from __future__ import annotations

import boto3
from pydantic import ValidationError

from cdk.operations.aws_errors import ignore_errors
from cdk.operations.deployment import Deployment
from lambdas.domain.pricing.editions import POINTER_KEY, HeldPrice, PriceUpdates

_NOT_THERE = frozenset({"NoSuchKey", "404"})


class DamagedPriceStateError(Exception):
    """The state cannot be read. The text says what to do."""


def read_price_state(session: boto3.Session, deployment: Deployment) -> PriceUpdates:
    """Read the pointer to the price edition in force; an empty one before the first check.

    Raises:
        DamagedPriceStateError: The document is not valid.
        NotDeployedError: There is no bucket of prices.
    """
    bucket = deployment.price_bucket
    try:
        with ignore_errors(_NOT_THERE):
            answer = session.client("s3").get_object(Bucket=bucket, Key=POINTER_KEY)
            return PriceUpdates.model_validate_json(answer["Body"].read())
    except ValidationError as error:
        message = (
            f"{bucket}/{POINTER_KEY} is not valid ({error.error_count()} errors): restore its last"
            " good version (docs/price-updates.md)."
        )
        raise DamagedPriceStateError(message) from None
    return PriceUpdates()


def describe_held(entry: HeldPrice) -> str:
    """Describe the subject of a held price in a few words."""
    rate = entry.rate or entry.removed
    if rate is None:
        return entry.name
    tier = f", {rate.service_tier}" if rate.service_tier else ""
    size = f", above {rate.above_input_tokens:,} tokens" if rate.above_input_tokens else ""
    return f"{rate.model_id} {rate.item} ({rate.routing} {rate.place}{tier}{size})"
