"""Functions price calls with the edition in force, or with the last prices they read."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.pricing import Cost, Routing, TokenKind
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.pricing.current_book import RELOAD_INTERVAL
from lambdas.domain.pricing.editions import Edition, PriceChange, PriceUpdates
from lambdas.functions.comparison_reporter import handler as comparison_reporter
from lambdas.functions.focus_exporter import handler as focus_exporter
from lambdas.functions.metric_publisher import handler as metric_publisher
from lambdas.functions.price_refresher import handler as price_refresher
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import BRIEF
from lambdas.wiring.pricing import current_pricing
from tests.aws import (
    LEDGER,
    STATE,
    client_configs,
    deploy_stack,
    health_metrics,
    lambda_context,
    published,
)
from tests.builders import ANA, usage_record

BUCKET, REPORTS = "prices", "reports"
PRIVATE = "imported-model/abc"
CONTEXT = lambda_context(900_000)
KEPT = timedelta(days=90)
FIRST, SECOND = "20261128T061500Z-00000001", "20261128T061500Z-00000002"


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LEDGER_TABLE": LEDGER,
        "STATE_TABLE": STATE,
        "ACCOUNT_ID": "111122223333",
        "PRICE_BUCKET": BUCKET,
        "REPORT_BUCKET": REPORTS,
        "LEDGER_RETENTION_DAYS": "90",
        "STACK_ID": deploy_stack(),
    }.items():
        monkeypatch.setenv(name, value)
    for bucket in (BUCKET, REPORTS):
        boto3.client("s3").create_bucket(Bucket=bucket)


def publish_edition(usd: str = "1000", edition: str = FIRST) -> None:
    """Publish a price from last week of a model that the shipped book lacks."""
    now = datetime.now(UTC)
    changes = tuple(
        PriceChange(
            model_id=PRIVATE,
            routing=Routing.REGION,
            place="us-east-1",
            item=kind,
            usd=Decimal(usd),
            effective_from=(now - timedelta(days=14)).date(),
            edition=edition,
            offer="AmazonBedrock",
            read_on=now.date(),
        )
        for kind in (TokenKind.INPUT, TokenKind.OUTPUT)
    )
    store = S3PriceEditions(lambda: boto3.client("s3"), BUCKET)
    store.write_edition(
        Edition(id=edition, published_at=now, first_day=now.date(), changes=changes)
    )
    store.publish(PriceUpdates(edition=edition), store.read_pointer().version)


def call(**changes: Any) -> Any:
    """A call of 15 tokens: $0.015 at $1,000 a million."""
    now = datetime.now(UTC).replace(microsecond=0)
    return usage_record(
        **{"model_id": PRIVATE, "invoked_model_id": PRIVATE, "timestamp": now, **changes}
    )


def publish_call(record: Any) -> dict[str, Any]:
    images = {
        "NewImage": to_item(record, KEPT),
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": datetime.now(UTC).timestamp(),
    }
    event = {"Records": [{"eventName": "INSERT", "dynamodb": images}]}
    return metric_publisher.lambda_handler(event, CONTEXT)


def test_calls_are_published_at_the_price_of_the_edition() -> None:
    publish_edition()
    record = call()
    assert publish_call(record) == {"batchItemFailures": []}
    assert published("EstimatedCostUSD", record.timestamp, IdentityArn=ANA) == pytest.approx(0.015)


def test_calls_waiting_for_a_price_get_the_price_of_the_edition() -> None:
    record = call()
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, KEPT).write([record])
    publish_call(record)
    publish_edition()
    price_refresher.lambda_handler({}, CONTEXT)
    assert published("EstimatedCostUSD", record.timestamp, IdentityArn=ANA) == pytest.approx(0.015)


def test_reports_are_written_at_the_price_of_the_edition() -> None:
    publish_edition()
    monday = datetime.now(UTC) - timedelta(days=datetime.now(UTC).weekday())
    last_week = (monday - timedelta(days=3)).replace(microsecond=0)
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, KEPT).write(
        [call(request_id="1", timestamp=last_week)]
    )
    focus_exporter.lambda_handler({}, CONTEXT)
    comparison_reporter.lambda_handler({}, CONTEXT)
    s3 = boto3.client("s3")

    def written(name: str) -> bytes:
        return s3.get_object(Bucket=REPORTS, Key=name)["Body"].read()

    manifest = written(f"focus/manifests/billing_period={last_week:%Y-%m}/bedrock-meter.json")
    assert json.loads(manifest)["billed_cost_usd"] == "0.015"
    year, week, _ = last_week.isocalendar()
    compared = json.loads(written(f"comparison/week={year}-W{week:02}/bedrock-meter.json"))
    assert "0.015" in json.dumps(compared)


def test_an_unreadable_bucket_causes_a_warning_and_loses_no_call(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PRICE_BUCKET", "no-such-bucket")
    record = call()
    assert publish_call(record) == {"batchItemFailures": []}
    lines = capsys.readouterr().out.splitlines()
    assert health_metrics(next(line for line in lines if "PriceReloadFailures" in line)) == (
        health_metrics(lines[0])
    )
    assert published("UnpricedInvocations", record.timestamp, ModelId=PRIVATE) == 1
    assert "was not reloaded" in caplog.text


def test_a_damaged_pointer_leaves_the_prices_unchanged() -> None:
    publish_edition()
    now = [1_000.0]
    settings = CallSettings(account_id="111122223333", state_table=STATE, price_bucket=BUCKET)
    pricing = current_pricing(settings, lambda: now[0])
    before = pricing.get()
    boto3.client("s3").put_object(Bucket=BUCKET, Key="current.json", Body=b"<html>")
    now[0] += RELOAD_INTERVAL.total_seconds()
    assert pricing.get() is before
    cost = price_call(call(), before)
    assert isinstance(cost, Cost)
    assert cost.edition.endswith(FIRST)


def test_a_running_function_loads_a_new_edition_after_ten_minutes() -> None:
    publish_edition("1000")
    now = [1_000.0]
    settings = CallSettings(account_id="111122223333", state_table=STATE, price_bucket=BUCKET)
    pricing = current_pricing(settings, lambda: now[0])

    def usd() -> Decimal:
        cost = price_call(call(), pricing.get())
        assert isinstance(cost, Cost)
        return cost.effective_usd

    assert usd() == Decimal("0.015")
    publish_edition("2000", SECOND)
    assert usd() == Decimal("0.015")
    now[0] += RELOAD_INTERVAL.total_seconds()
    assert usd() == Decimal("0.03")


@pytest.mark.parametrize("is_assumed", [True, False])
def test_the_setting_to_assume_prices_reaches_the_function(*, is_assumed: bool) -> None:
    settings = CallSettings(account_id="111122223333", state_table=STATE, assume_prices=is_assumed)
    read = CallSettings.from_environment(settings.to_environment())
    assert current_pricing(read).get().assume_prices is is_assumed


def test_no_s3_request_is_made_without_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = CallSettings(account_id="111122223333", state_table=STATE)
    assert not client_configs(current_pricing(settings).get, monkeypatch)


def test_s3_has_short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = CallSettings(account_id="111122223333", state_table=STATE, price_bucket=BUCKET)

    def make() -> None:
        with pytest.raises(AttributeError):  # there is no client
            current_pricing(settings).get()

    assert client_configs(make, monkeypatch) == {"s3": BRIEF}
