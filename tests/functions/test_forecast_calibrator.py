"""Forecasts are calibrated on counted calls, and a damaged result stops no alert."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import BudgetAmount, BudgetThresholds, BudgetUnit
from lambdas.domain.budgets.governance_table import CALIBRATED, FORECAST_ERRORS
from lambdas.domain.counters import (
    Chunk,
    CountingState,
    PriceEdition,
    SumUp,
    UsageTotals,
    get_spans,
)
from lambdas.domain.forecasting import ErrorRatios
from lambdas.functions.budget_evaluator import handler as evaluator
from lambdas.functions.forecast_calibrator import handler
from lambdas.services import calibrate_forecasts, trace_budget_usage
from tests.adapters.dynamodb.test_usage_counters import COUNTERS
from tests.aws import LEDGER, lambda_context, take_events
from tests.budget_store import GOVERNANCE
from tests.functions.test_budgets import (  # noqa: F401  # fixtures
    LIFETIME,
    apply,
    build,
    count,
    environment,
    inbox,
)
from tests.functions.test_usage_counter import NOW
from tests.unit.budgets.builders import budget, change

DAYS = 2
FORECAST = budget(
    "forecast",
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 100),
    periods=LIFETIME,  # 4,800 tokens in two days, at most 2,400 of them by now
    thresholds=BudgetThresholds((Decimal(50),), (Decimal(2600),), Decimal("0.3")),
)


@pytest.fixture(autouse=True)
def few_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a few days, which takes seconds instead of minutes."""
    monkeypatch.setattr(calibrate_forecasts, "CALIBRATION_SPAN", timedelta(days=DAYS))
    monkeypatch.setattr(trace_budget_usage, "_HISTORY_HOURS", 24 * DAYS)


def count_hours(used: int = 100) -> None:
    """Count the same usage in each hour of the last days, as counters have it afterwards."""
    store = DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER)
    if store.read_state() is None:
        store.write_state(CountingState(1, "stack", PriceEdition("shipped"), (), NOW, revision=1))
    hour = NOW.replace(minute=0, second=0)
    totals = UsageTotals(calls=1, total_tokens=used)
    for number in range(24 * DAYS):
        made = change(minute=hour - timedelta(hours=number), totals=totals)
        sums = SumUp(get_spans(60)).sum_up([made], NOW)
        store.commit(Chunk(1, "shard", number + 1, number + 1, sums, (), NOW))


def read_stored() -> ErrorRatios | None:
    return DynamoDbCalibrationStore(boto3.client("dynamodb"), GOVERNANCE).read()


def test_the_usage_of_the_deployment_is_stored_as_errors_of_forecasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    count_hours()
    with caplog.at_level(logging.INFO):
        handler.lambda_handler({}, lambda_context())
    stored = read_stored()
    assert stored is not None
    assert stored.own is not None
    assert (stored.own.sources, stored.own.days) == (1, DAYS)
    (line,) = [record for record in caplog.records if "calibrated" in record.message]
    assert vars(line)["ratios"] == stored.own.ratios > 0


def test_an_account_without_usage_stores_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        handler.lambda_handler({}, lambda_context())
    assert read_stored() is None
    assert "too little is known" in caplog.text


def test_a_run_without_time_says_so(caplog: pytest.LogCaptureFixture) -> None:
    count_hours()
    handler.lambda_handler({}, lambda_context(milliseconds=40_000))
    assert "There was no time for all usage" in caplog.text
    assert read_stored() is None


def send_alerts() -> list[dict[str, Any]]:
    """Evaluate a budget whose usage and whose forecast reach thresholds; returns what was sent."""
    events = take_events()
    apply(FORECAST)
    build()
    evaluator.lambda_handler({}, lambda_context())
    return [json.loads(event["Detail"]) for event in events]


@pytest.mark.usefixtures("inbox")
def test_alerts_have_the_time_of_the_calibration() -> None:
    count_hours()
    handler.lambda_handler({}, lambda_context())
    stored = read_stored()
    assert stored is not None
    assert stored.own is not None
    (detail,) = send_alerts()
    calibrated_at = datetime.fromisoformat(detail["forecast"]["calibrated_at"])
    assert calibrated_at == stored.own.calibrated_at.replace(microsecond=0)


@pytest.mark.usefixtures("inbox")
def test_a_damaged_item_stops_no_alert(caplog: pytest.LogCaptureFixture) -> None:
    count_hours()
    boto3.client("dynamodb").put_item(
        TableName=GOVERNANCE,
        Item={
            "pk": {"S": FORECAST_ERRORS},
            "sk": {"S": CALIBRATED},
            "errors": {"S": '{"version": 1, "errors": {"steady": {"24": [0]}}}'},
        },
    )
    (detail,) = send_alerts()
    assert {crossing["kind"] for crossing in detail["crossings"]} == {"actual", "forecast"}
    assert detail["forecast"]["calibrated_at"] is None
    assert "cannot be read" in caplog.text
