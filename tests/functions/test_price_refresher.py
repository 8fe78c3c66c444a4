"""`price_refresher`: from calls without a price to their cost in CloudWatch."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb_unpriced_calls import DynamoDbUnpricedCalls
from lambdas.adapters.dynamodb_usage_ledger import DynamoDbUsageLedger
from lambdas.functions.price_refresher import handler
from tests.aws import LEDGER, health_metrics, published
from tests.builders import ANA, usage_record

CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
PRIVATE = "imported-model/abc"
AGREED = {
    "model": PRIVATE,
    "effective_from": "2026-01-01",
    "usd_per_million": {"input": "1", "output": "2"},
}


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LEDGER_TABLE", LEDGER)
    monkeypatch.setenv("ACCOUNT_ID", "111122223333")
    yield
    handler.reprice.cache_clear()


def test_a_price_that_is_told_gives_calls_their_cost_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    record = usage_record(model_id=PRIVATE, timestamp=now)
    client = boto3.client("dynamodb")
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=90)).put([record])
    DynamoDbUnpricedCalls(client, LEDGER).remember([record])
    report = handler.lambda_handler({}, CONTEXT)
    assert report["waiting"] == {PRIVATE: 1}
    assert health_metrics(capsys.readouterr().out)["RepricedCalls"] == [0]

    monkeypatch.setenv("NEGOTIATED_PRICES", json.dumps([AGREED]))
    handler.reprice.cache_clear()
    for calls in (1, 0):
        report = handler.lambda_handler({}, CONTEXT)
        assert sum(it["calls"] for it in report["by_model"].values()) == calls
        assert health_metrics(capsys.readouterr().out)["RepricedCalls"] == [calls]
    assert json.loads(json.dumps(report)) == report
    usd = published("EstimatedCostUSD", now, IdentityArn=ANA)
    assert usd == pytest.approx(0.00002)
