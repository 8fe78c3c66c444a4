"""Appends changes to the audit trail; each hour, verifies it and anchors its head."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics.catalog import AUDIT_PROBLEMS
from lambdas.functions.audit_writer.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.wiring.audit_writer import (
    make_anchorer,
    make_price_auditor,
    make_settings_auditor,
    make_stream,
    make_writer,
)
from lambdas.wiring.client_timeouts import time_check

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from lambdas.adapters.dynamodb.governance_stream import GovernanceStream
    from lambdas.services.anchor_audit import AuditAnchorer
    from lambdas.services.append_audit import AuditWriter
    from lambdas.services.audit_prices import PriceAuditor
    from lambdas.services.audit_settings import SettingsAuditor


@log_request_id
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Append a batch of the stream; without a batch, audit settings and prices, and anchor.

    Raise if the chain cannot be written, so that Lambda tries again: what is in it stays once.
    """
    now = datetime.now(UTC)
    if "Records" in event:
        writer().append(stream().read(event["Records"]), now)
        return
    settings_auditor().audit(now)
    price_auditor().audit(now, time_check(context))
    report = anchorer().anchor(now)
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
def settings() -> Settings:
    """Read the settings, once per process."""
    return Settings.from_environment(os.environ)


@cache
def stream() -> GovernanceStream:
    """Make the reader of the stream, once per process."""
    return make_stream(settings())


@cache
def writer() -> AuditWriter:
    """Make the writer, once per process."""
    return make_writer(settings())


@cache
def price_auditor() -> PriceAuditor:
    """Make the auditor of prices, once per process."""
    return make_price_auditor(settings())


@cache
def settings_auditor() -> SettingsAuditor:
    """Make the auditor of settings, once per process."""
    return make_settings_auditor(settings())


@cache
def anchorer() -> AuditAnchorer:
    """Make what verifies and anchors the chain, once per process."""
    return make_anchorer(settings())
