"""Calls around the time of a superseded price edition get their right cost once."""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.calls import CallEnricher
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metrics.sink import MetricsUnavailableError
from lambdas.domain.pricing import Cost
from lambdas.functions.price_refresher import handler
from lambdas.functions.price_refresher.settings import Settings
from lambdas.wiring.pricing import current_pricing
from tests.aws import LEDGER, STATE, health_metrics, lambda_context, published
from tests.builders import ANA, usage_record
from tests.price_editions import BAD_USD, publish_bad_edition

CONTEXT = lambda_context(900_000)
BUCKET = "prices"
RIGHT_USD = Decimal("0.25")  # of a million input tokens
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_TABLE", LEDGER)
    monkeypatch.setenv("STATE_TABLE", STATE)
    monkeypatch.setenv("ACCOUNT_ID", "111122223333")
    monkeypatch.setenv("PRICE_BUCKET", BUCKET)
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def editions() -> S3PriceEditions:
    return S3PriceEditions(lambda: boto3.client("s3"), BUCKET)


def call(at: datetime) -> UsageRecord:
    """A call of a million input tokens."""
    return usage_record(timestamp=at, tokens=TokenCounts(10**6, 0))


@pytest.mark.parametrize(
    ("decided", "called", "usd"),
    [
        (None, timedelta(hours=-1), BAD_USD),
        (timedelta(minutes=-5), timedelta(hours=-1), BAD_USD),
        (timedelta(minutes=-5), timedelta(minutes=5) - timedelta(seconds=1), BAD_USD),
        (timedelta(minutes=-5), timedelta(minutes=5), RIGHT_USD),
        (timedelta(minutes=-69), timedelta(hours=-2), BAD_USD),
        (timedelta(minutes=-70), timedelta(hours=-2), RIGHT_USD),
        (timedelta(minutes=-5), timedelta(days=-6), RIGHT_USD),
    ],
)
def test_calls_are_published_at_superseded_prices_until_the_correction(
    decided: timedelta | None, called: timedelta, usd: Decimal
) -> None:
    decided_at = None if decided is None else NOW + decided
    publish_bad_edition(editions(), NOW, decided_at)
    pricing = current_pricing(Settings.from_environment(os.environ))
    cost = CallEnricher(pricing.get_published(NOW)).enrich(call(NOW + called)).cost
    assert isinstance(cost, Cost)
    assert cost.effective_usd == usd


def test_a_call_at_a_superseded_price_gets_the_difference_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish_bad_edition(editions(), NOW, NOW - timedelta(hours=3))
    at = NOW - timedelta(hours=4)
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write([call(at)])
    for corrected in (1, 0):
        report = handler.lambda_handler({}, CONTEXT)
        assert health_metrics(capsys.readouterr().out)["RepricedCalls"] == [corrected]
        (correction,) = report["corrections"]
        assert correction["raised_calls"] == 1
        assert Decimal(correction["raised_usd"]) == RIGHT_USD - BAD_USD
        assert correction["is_done"]
    assert json.loads(json.dumps(report)) == report
    assert published("EstimatedCostUSD", at, IdentityArn=ANA) == pytest.approx(0.15)


def test_a_difference_refused_by_cloudwatch_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")  # no server there
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    publish_bad_edition(editions(), NOW, NOW - timedelta(hours=3))
    record = call(NOW - timedelta(hours=4))
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write([record])
    with pytest.raises(MetricsUnavailableError, match=r"127\.0\.0\.1:9"):
        handler.lambda_handler({}, CONTEXT)
