"""Writes the cost of calls in FOCUS columns: the current and the previous billing period."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from lambdas.functions.focus_exporter.settings import Settings
from lambdas.observability import log_request_id, logger
from lambdas.services.export_focus import FocusExporter
from lambdas.wiring.client_timeouts import time_check
from lambdas.wiring.focus_exporter import make_exporter

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_NOT_LOGGED = frozenset({"focus_metadata", "left_out"})  # the long parts of a manifest


@log_request_id
def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Write both periods, or raise: a part of a month would pass for the whole."""
    for manifest in exporter().export(datetime.now(UTC), time_check(context)):
        logged = {name: value for name, value in manifest.items() if name not in _NOT_LOGGED}
        logger.info("Costs of a billing period", **logged)


@cache
def exporter() -> FocusExporter:
    """Make the exporter, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_exporter(
        settings,
        ledger_table=settings.ledger_table,
        report_bucket=settings.report_bucket,
        billing_account_id=settings.billing_account_id or None,
        retention_days=settings.ledger_retention_days,
    )
