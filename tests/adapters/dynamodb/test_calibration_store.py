"""The contract of every store of calibrated errors, and damaged items in the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.domain.budgets.governance_table import CALIBRATED, FORECAST_ERRORS, SALT
from lambdas.domain.forecasting import (
    CalibrationStore,
    CalibrationUnreadableError,
    OwnErrors,
    read_shipped_ratios,
    write_calibration,
)
from tests.budget_store import GOVERNANCE, InMemoryCalibrationStore, create_governance_table
from tests.builders import NOON

ERRORS = replace(read_shipped_ratios(), own=OwnErrors(NOON, ratios=900, sources=3, days=20))


@pytest.fixture
def table(aws: None) -> Any:
    create_governance_table()
    return boto3.resource("dynamodb").Table(GOVERNANCE)


@pytest.fixture(params=["in memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[CalibrationStore]:
    if request.param == "in memory":
        yield InMemoryCalibrationStore()
        return
    request.getfixturevalue("table")
    yield DynamoDbCalibrationStore(boto3.client("dynamodb"), GOVERNANCE)


def test_nothing_is_stored_at_first(store: CalibrationStore) -> None:
    assert store.read() is None


def test_the_last_calibration_is_read(store: CalibrationStore) -> None:
    store.write(ERRORS)
    later = replace(ERRORS, own=OwnErrors(NOON + timedelta(days=1), 990, 3, 21))
    store.write(later)
    assert store.read() == later


def test_the_salt_stays_the_same(store: CalibrationStore) -> None:
    salt = store.get_salt()
    store.write(ERRORS)
    assert salt
    assert store.get_salt() == salt


def test_each_deployment_has_a_salt_of_its_own(table: Any) -> None:
    store = DynamoDbCalibrationStore(boto3.client("dynamodb"), GOVERNANCE)
    salt = store.get_salt()
    table.delete_item(Key={"pk": FORECAST_ERRORS, "sk": SALT})
    assert store.get_salt() != salt


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"errors": 5},
        {"errors": "{}"},
        {"errors": write_calibration(ERRORS).replace(":1,", ":2,", 1)},
    ],
    ids=["without errors", "number", "empty", "other version"],
)
def test_a_damaged_item_is_reported_as_such(table: Any, damaged: dict[str, Any]) -> None:
    table.put_item(Item={"pk": FORECAST_ERRORS, "sk": CALIBRATED, **damaged})
    with pytest.raises(CalibrationUnreadableError):
        DynamoDbCalibrationStore(boto3.client("dynamodb"), GOVERNANCE).read()


@pytest.mark.usefixtures("aws")
def test_a_table_that_does_not_answer_is_reported_as_such() -> None:
    with pytest.raises(CalibrationUnreadableError, match="ResourceNotFound"):
        DynamoDbCalibrationStore(boto3.client("dynamodb"), "missing").read()
