"""Appends changes to the audit trail; each hour, verifies it and anchors its head."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics.catalog import AUDIT_PROBLEMS
from lambdas.functions.audit_writer.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.wiring.audit_writer import AuditTrail, make_audit_trail
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Append a batch of the stream; without a batch, audit prices and anchor the chain.

    Raise if the chain cannot be written, so that Lambda tries again: what is in it stays once.
    """
    now = datetime.now(UTC)
    if "Records" in event:
        trail().writer.append(trail().stream.read(event["Records"]), now)
        return
    trail().prices.audit(now, time_check(context))
    report = trail().anchorer.anchor(now)
    for problem in report.verification.problems:
        logger.error("The audit trail is damaged", kind=problem.kind.value, problem=problem.text)
    for name in report.foreign:
        logger.error("An object among the anchors is not an anchor", object=name)
    record_health({AUDIT_PROBLEMS: report.problem_count})
    logger.info(
        "Audit anchor",
        sequence=report.anchor.head.sequence,
        hash=report.anchor.head.hash,
        verified=report.verification.entries,
    )


@cache
def trail() -> AuditTrail:
    """Make the services, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_audit_trail(
        audit_table=settings.audit_table,
        anchor_bucket=settings.anchor_bucket,
        governance_table=settings.governance_table,
        price_bucket=settings.price_bucket,
        contracted_prices=settings.contracted_prices,
    )
