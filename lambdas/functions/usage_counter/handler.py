"""Adds the stream of the usage ledger to exact counters, and has budgets evaluated."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.usage_counter.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.count_usage import UsageCounter
from lambdas.services.start_evaluations import EvaluationStarter
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.usage_counter import make_counting

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class ShardMissingError(Exception):
    """The event names no shard, so that a repeated batch looks like a new one."""


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Count what is new in a batch of the stream, then start an evaluation of budgets.

    The state of the window says if an evaluation is due. The window's last event has no records.

    Returns:
        The partial batch response: the first record that is to come again, with all after it.
        https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html

    Raises:
        ShardMissingError: The event source mapping has no tumbling window.
    """
    if not event.get("shardId"):
        message = (
            "the event names no shard: the event source mapping of usage_counter needs a tumbling"
            " window (TumblingWindowInSeconds) and a ParallelizationFactor of 1; run make deploy"
        )
        raise ShardMissingError(message)
    counter, evaluations = counting()
    now = datetime.now(UTC)
    outcome = counter.count(event.get("Records", []), event["shardId"], now, time_check(context))
    state = evaluations.follow(
        outcome.counted,
        event.get("state") or {},
        now,
        is_last=event.get("isFinalInvokeForWindow", False),
    )
    if outcome.repeated or outcome.tampered:
        logger.info(
            "Some changes were not counted",
            repeated=outcome.repeated,
            tampered=outcome.tampered,
        )
    first = outcome.first_uncounted
    failures = [] if first is None else [{"itemIdentifier": first}]
    return {"state": state, "batchItemFailures": failures}


@cache
def counting() -> tuple[UsageCounter, EvaluationStarter]:
    """Make the services, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_counting(
        settings,
        retention_days=settings.ledger_retention_days,
        started=[name for name in (settings.evaluator_name, settings.brake_name) if name],
    )
