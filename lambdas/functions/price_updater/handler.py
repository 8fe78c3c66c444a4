"""Publishes new list prices of the Region, and carries out decisions on held ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.pricing.price_decisions import DecisionRefusedError
from lambdas.functions.price_updater.decision import read_decision
from lambdas.functions.price_updater.settings import Settings
from lambdas.observability import log_request_id
from lambdas.services.update_prices import PriceUpdateRunner
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.price_updater import make_runner

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the price list, or carry out the decision that an event names.

    Returns:
        The outcome, as `make price-updates` prints it.
    """
    now = datetime.now(UTC)
    if "decision" not in event:
        return runner().check(now, time_check(context))
    try:
        return runner().decide(*read_decision(event["decision"], now))
    except DecisionRefusedError as error:
        return {"refused": str(error)}


@cache
def runner() -> PriceUpdateRunner:
    """Make the runner, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_runner(
        price_bucket=settings.price_bucket,
        price_list_url=settings.price_list_url,
        region=settings.region,
    )
