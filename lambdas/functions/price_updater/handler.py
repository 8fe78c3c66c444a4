"""Publishes new list prices of the Region, and carries out decisions on held ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import boto3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambdas.adapters.https_price_list import HttpsPriceList
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.metrics.catalog import HELD_PRICES, PRICE_LIST_AGE
from lambdas.domain.pricing import shipped_prices
from lambdas.domain.pricing.listings import large_call_sizes
from lambdas.domain.pricing.price_decisions import (
    Decide,
    DecisionRefusedError,
    accept,
    reject,
    supersede,
)
from lambdas.domain.pricing.price_list_source import PriceListUnavailableError
from lambdas.functions.price_updater.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.update_prices import PriceUpdater, UpdateReport
from lambdas.wiring.client_timeouts import LONGEST_CALL_MS, PROMPT

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_Names = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=1_000)]


class Decision(BaseModel):
    """An operator's decision, as `make price-updates` sends it: one of three.

    Attributes:
        accept: Short names of held prices that become part of an edition.
        reject: Short names of held prices that do not.
        supersede: An edition whose changes no longer count.
        reason: The reason for superseding it.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    accept: _Names = []
    reject: _Names = []
    supersede: str = Field(default="", max_length=40)
    reason: str = Field(default="", max_length=400)

    def to_domain(self, now: datetime) -> Decide:
        """The decision that the domain knows.

        Raises:
            DecisionRefusedError: It names no decision, or more than one.
        """
        if sum(map(bool, (self.accept, self.reject, self.supersede))) != 1:
            message = "name one of accept, reject and supersede."
            raise DecisionRefusedError(message)
        if self.accept:
            return accept(self.accept, now)
        if self.reject:
            return reject(self.reject)
        if not self.reason.strip():
            message = "say why the edition is superseded."
            raise DecisionRefusedError(message)
        return supersede(self.supersede, self.reason.strip(), now)


@logger.inject_lambda_context
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
            report = updater().decide(_read_decision(event["decision"], now))
        else:
            report = updater().update(
                now, lambda: context.get_remaining_time_in_millis() > LONGEST_CALL_MS
            )
            record_health({PRICE_LIST_AGE: 0})
    except PriceListUnavailableError as error:
        logger.error("The price list could not be read", reason=str(error))
        _record_age(now)
        return {"unavailable": str(error)}
    except DecisionRefusedError as error:
        return {"refused": str(error)}
    record_health({HELD_PRICES: len(report.held)})
    _log(report)
    return {
        "edition": report.edition,
        "changes": report.changes,
        "held": len(report.held),
        "left_out": dict(report.left_out),
    }


def _read_decision(event: object, now: datetime) -> Decide:
    """Read a decision.

    Raises:
        DecisionRefusedError: It is not a decision.
    """
    try:
        return Decision.model_validate(event).to_domain(now)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        message = f"{problems}. make price-updates lists the names of held prices and editions."
        raise DecisionRefusedError(message) from None


def _record_age(now: datetime) -> None:
    """Record how old the last price list is; nothing where there never was one."""
    checked_at = updater().editions.read_pointer().updates.checked_at
    if checked_at is not None:
        record_health({PRICE_LIST_AGE: max(0.0, (now - checked_at).total_seconds())})


def _log(report: UpdateReport) -> None:
    logger.info(
        "Prices",
        edition=report.edition,
        changes=report.changes,
        held={entry.id: f"{entry.reason} {entry.name}" for entry in report.held[:20]},
        left_out=dict(report.left_out),
    )


@cache
def updater() -> PriceUpdater:
    """Make what updates, once."""
    settings = Settings.from_environment(os.environ)
    shipped = shipped_prices()
    return PriceUpdater(
        editions=S3PriceEditions(lambda: boto3.client("s3", config=PROMPT), settings.price_bucket),
        price_list=HttpsPriceList(
            settings.price_list_url, settings.region, large_call_sizes(shipped)
        ),
        shipped=shipped,
    )
