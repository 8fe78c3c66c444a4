"""The state of stored budgets and of their forecasts, as `make doctor` reports it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lambdas.domain.budgets import BudgetState
from lambdas.domain.budgets.governance_table import (
    ANNOUNCED_AT,
    BUDGET_PREFIX,
    BUDGETS,
    CALIBRATED,
    ERRORS,
    FORECAST_ERRORS,
    PARTITION_KEY,
    SORT_KEY,
    STATE,
)
from lambdas.domain.forecasting import (
    InvalidCalibrationError,
    describe_errors,
    read_calibration,
)
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_BUILDING = timedelta(minutes=30)
_MAX_AGE_OF_CALIBRATION = timedelta(days=3)  # two runs failed, and a third one is due


class BudgetReport(NamedTuple):
    """The state of budgets.

    Attributes:
        is_late: True if a budget has been building, or forecasts were not calibrated, for longer
            than they should.
        text: A description for people.
    """

    is_late: bool
    text: str


def read_budget_state(dynamodb: DynamoDBClient, table: str, now: datetime) -> BudgetReport:
    """Read how many budgets are active, and which are still building."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=f"{PARTITION_KEY} = :budgets AND begins_with({SORT_KEY}, :budget)",
        ExpressionAttributeValues={":budgets": {"S": BUDGETS}, ":budget": {"S": BUDGET_PREFIX}},
    )
    active, building, late = 0, [], []
    for item in (item for page in pages for item in page["Items"]):
        if item[STATE]["S"] == BudgetState.ACTIVE:
            active += 1
            continue
        name = item[SORT_KEY]["S"].removeprefix(BUDGET_PREFIX)
        building.append(name)
        if ANNOUNCED_AT in item:
            announced_at = datetime.fromisoformat(item[ANNOUNCED_AT]["S"])
            late += [name] if now - announced_at > _MAX_BUILDING else []
    parts = [f"{plural(active, 'active budget')}."]
    if building:
        parts.append(f"Building: {list_names(building)}.")
    if late:
        parts.append(
            f"For more than {_MAX_BUILDING.total_seconds() / 60:.0f} minutes:"
            f" {list_names(late)}; the log of BudgetBuilder has the reason."
        )
    is_stale, forecasts = _read_calibration_state(dynamodb, table, now)
    return BudgetReport(bool(late) or is_stale, " ".join([*parts, forecasts]))


def _read_calibration_state(
    dynamodb: DynamoDBClient, table: str, now: datetime
) -> tuple[bool, str]:
    """Read which errors forecasts use, and if these are damaged or too old."""
    answer = dynamodb.get_item(
        TableName=table, Key={PARTITION_KEY: {"S": FORECAST_ERRORS}, SORT_KEY: {"S": CALIBRATED}}
    )
    if "Item" not in answer:
        return False, f"Forecasts use {describe_errors(None)}."
    try:
        own = read_calibration(answer["Item"].get(ERRORS, {}).get("S", "")).own
    except InvalidCalibrationError as error:
        return True, f"Forecasts use {describe_errors(None)}: your own cannot be read ({error})."
    is_stale = own is not None and now - own.calibrated_at > _MAX_AGE_OF_CALIBRATION
    hint = ", which is old; the log of ForecastCalibrator has the reason" if is_stale else ""
    return is_stale, f"Forecasts use {describe_errors(own)}{hint}."
