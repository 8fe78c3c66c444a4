"""Publishes new list prices of the Region, and carries out decisions on held ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics.catalog import HELD_PRICES, PRICE_LIST_AGE
from lambdas.domain.pricing.price_decisions import DecisionRefusedError
from lambdas.domain.pricing.price_list_source import PriceListUnavailableError
from lambdas.functions.price_updater.decision import read_decision
from lambdas.functions.price_updater.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.update_prices import PriceUpdater
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.price_updater import make_updater

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_MAX_LOGGED_PRICES = 20


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check the price list, or carry out the decision that an event names.

    A price list that cannot be read is no error of the function: its age is a metric of its own,
    with an alarm after three days.

    Returns:
        The outcome, as `make price-updates` prints it.
    """
    now = datetime.now(UTC)
    try:
        if "decision" in event:
            report = updater().decide(read_decision(event["decision"], now))
        else:
            report = updater().update(now, time_check(context))
            record_health({PRICE_LIST_AGE: 0})
    except PriceListUnavailableError as error:
        logger.error("The price list could not be read", reason=str(error))
        age = updater().get_age(now)
        if age is not None:
            record_health({PRICE_LIST_AGE: age.total_seconds()})
        return {"unavailable": str(error)}
    except DecisionRefusedError as error:
        return {"refused": str(error)}
    record_health({HELD_PRICES: len(report.held)})
    outcome: dict[str, Any] = {
        "edition": report.edition,
        "changes": report.changes,
        "held": len(report.held),
        "left_out": dict(report.left_out),
    }
    held = {entry.id: f"{entry.reason} {entry.name}" for entry in report.held[:_MAX_LOGGED_PRICES]}
    logger.info("Prices", **(outcome | {"held": held}))
    return outcome


@cache
def updater() -> PriceUpdater:
    """Make the updater, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_updater(
        price_bucket=settings.price_bucket,
        price_list_url=settings.price_list_url,
        region=settings.region,
    )
