"""The calibrator of `forecast_calibrator`, over the tables of budgets and counters."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.forecasting import read_shipped_ratios
from lambdas.services.calibrate_forecasts import ForecastCalibrator
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.governing_settings import GoverningSettings


def make_calibrator(settings: GoverningSettings) -> ForecastCalibrator:
    """Make a calibrator that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return ForecastCalibrator(
        budgets=DynamoDbBudgetStore(dynamodb, settings.governance_table),
        sums=DynamoDbCounters(dynamodb, settings.counter_table),
        cell_minutes=settings.cell_minutes,
        store=DynamoDbCalibrationStore(dynamodb, settings.governance_table),
        prior=read_shipped_ratios(),
    )
