"""The gateway prices calls with the edition in force, and never with lower prices instead."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.invocations import AskedCall, TokenCounts
from lambdas.domain.limit_policies import PricesUnavailableError
from lambdas.domain.pricing import Routing, TokenKind
from lambdas.domain.pricing.current_book import RELOAD_INTERVAL
from lambdas.domain.pricing.editions import Edition, PriceChange, PriceUpdates
from lambdas.functions.gateway.settings import Settings
from lambdas.wiring.client_timeouts import ONCE
from lambdas.wiring.gateway_prices import RETRY_SECONDS, LazyPrices
from tests.aws import client_configs, embedded_metrics
from tests.builders import HAIKU_3, NOON
from tests.gateway import REGION

BUCKET = "prices"
ASKED = AskedCall(HAIKU_3, "Converse", None, NOON)
MILLION = TokenCounts(10**6, 0)
SHIPPED = Decimal("0.25")
FIRST, SECOND = "20260801T061500Z-00000001", "20260802T061500Z-00000002"
PUBLISHED = datetime(2026, 8, 1, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test moves."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


def make_settings(**changes: Any) -> Settings:
    return Settings(
        governance_table="Governance",
        limits_table="Limits",
        caller_role_arn="arn:aws:iam::123456789012:role/callers",
        **{"region": REGION, "price_bucket": BUCKET, **changes},
    )


@pytest.fixture
def clock(aws: None) -> Clock:
    return Clock()


def create_bucket() -> None:
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def publish(usd: str, edition: str = FIRST) -> None:
    """Publish a price of input tokens in place of the shipped one."""
    change = PriceChange(
        model_id=HAIKU_3,
        routing=Routing.REGION,
        place=REGION,
        item=TokenKind.INPUT,
        usd=Decimal(usd),
        effective_from=PUBLISHED.date(),
        edition=edition,
        offer="AmazonBedrock",
        read_on=PUBLISHED.date(),
    )
    store = S3PriceEditions(lambda: boto3.client("s3"), BUCKET)
    day = PUBLISHED.date()
    store.write_edition(
        Edition(id=edition, published_at=PUBLISHED, first_day=day, changes=(change,))
    )
    store.publish(PriceUpdates(edition=edition), store.read_pointer().version)


def test_calls_are_priced_by_the_published_edition(clock: Clock) -> None:
    create_bucket()
    publish("0.40")
    assert LazyPrices(make_settings(), clock).price(ASKED, MILLION) == Decimal("0.40")


def test_without_an_edition_or_a_bucket_the_shipped_prices_are_in_force(clock: Clock) -> None:
    create_bucket()
    assert LazyPrices(make_settings(), clock).price(ASKED, MILLION) == SHIPPED
    assert LazyPrices(make_settings(price_bucket=""), clock).price(ASKED, MILLION) == SHIPPED


def test_contracted_prices_and_unassumed_ones_are_those_of_the_settings(clock: Clock) -> None:
    contracted = json.dumps(
        [{"model": HAIKU_3, "effective_from": "2026-01-01", "discount_percent": "20"}]
    )
    prices = LazyPrices(make_settings(price_bucket="", contracted_prices=contracted), clock)
    assert prices.price(ASKED, MILLION) == SHIPPED * Decimal("0.8")
    provisioned = json.dumps(
        [
            {
                "model": "provisioned-model/p1",
                "effective_from": "2026-01-01",
                "usd_per_million": {"input": 0, "output": 0},
            }
        ]
    )
    arn = f"arn:aws:bedrock:{REGION}:123456789012:provisioned-model/p1"
    asked = ASKED._replace(invoked_model_id=arn)
    prices = LazyPrices(make_settings(price_bucket="", contracted_prices=provisioned), clock)
    assert prices.price(asked, MILLION) == 0
    assert LazyPrices(make_settings(price_bucket=""), clock).price(asked, MILLION) is None
    elsewhere = make_settings(price_bucket="", region="mx-central-1", assume_prices=False)
    assert LazyPrices(elsewhere, clock).price(ASKED, MILLION) is None


def test_prices_that_were_never_read_are_not_the_shipped_ones(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = LazyPrices(make_settings(), clock)
    for _ in range(3):
        with pytest.raises(PricesUnavailableError):
            prices.price(ASKED, MILLION)
    assert count_failures(capsys) == 1
    create_bucket()
    publish("0.40")
    with pytest.raises(PricesUnavailableError):
        prices.price(ASKED, MILLION)
    clock.seconds += RETRY_SECONDS
    assert prices.price(ASKED, MILLION) == Decimal("0.40")


def count_failures(capsys: pytest.CaptureFixture[str]) -> int:
    metrics = embedded_metrics(capsys.readouterr().out)
    assert {metric.name for metric in metrics} <= {"PriceReloadFailures"}
    return len(metrics)


def damage_pointer() -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="current.json", Body=b"{")


def lose_edition() -> None:
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=f"editions/{FIRST}.json")


@pytest.mark.parametrize("break_store", [damage_pointer, lose_edition])
def test_damaged_documents_are_no_prices(clock: Clock, break_store: Callable[[], None]) -> None:
    create_bucket()
    publish("0.40")
    break_store()
    with pytest.raises(PricesUnavailableError):
        LazyPrices(make_settings(), clock).price(ASKED, MILLION)


def test_a_newer_edition_is_in_force_within_ten_minutes(clock: Clock) -> None:
    create_bucket()
    publish("0.40")
    prices = LazyPrices(make_settings(), clock)
    assert prices.price(ASKED, MILLION) == Decimal("0.40")
    publish("0.50", SECOND)
    clock.seconds += RELOAD_INTERVAL.total_seconds() - 1
    assert prices.price(ASKED, MILLION) == Decimal("0.40")
    clock.seconds += 1
    assert prices.price(ASKED, MILLION) == Decimal("0.50")


def test_the_last_prices_stay_in_force_while_newer_ones_cannot_be_read(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    create_bucket()
    publish("0.40")
    prices = LazyPrices(make_settings(), clock)
    assert prices.price(ASKED, MILLION) == Decimal("0.40")
    capsys.readouterr()
    damage_pointer()
    clock.seconds += RELOAD_INTERVAL.total_seconds()
    assert prices.price(ASKED, MILLION) == Decimal("0.40")
    assert count_failures(capsys) == 1


def test_a_call_waits_a_few_seconds_for_prices_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> None:
        with pytest.raises(AttributeError):  # there is no client
            LazyPrices(make_settings()).price(ASKED, MILLION)

    assert client_configs(make, monkeypatch) == {"s3": ONCE}
    assert (ONCE.connect_timeout, ONCE.read_timeout) == (1, 2)  # type: ignore[attr-defined]
