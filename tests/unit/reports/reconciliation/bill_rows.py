"""Lines of a bill and their calls, for tests of the reconciliation."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from lambdas.domain.attribution import TagFacts
from lambdas.domain.calls import CallEnricher
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing import Price, PriceBook, Pricing, Rates, Routing, TokenKind
from lambdas.domain.reports.reconciliation import Bill, BillRow, Metered, Reconciliation, reconcile
from lambdas.domain.reports.reconciliation.bill import ListPrice

ACCOUNT, REGION = "111122223333", "us-east-1"
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
BEN = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/i-0123456789abcdef0"
MICRO = "amazon.nova-micro-v1:0"
NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
USD_PER_MILLION = {
    TokenKind.INPUT: Decimal(1),
    TokenKind.OUTPUT: Decimal(4),
    TokenKind.CACHE_WRITE_5M: Decimal(2),
    TokenKind.CACHE_WRITE_1H: Decimal(3),
}


def price(**changes: Any) -> Price:
    """A price of Nova Micro in us-east-1."""
    values: dict[str, Any] = {
        "model_id": MICRO,
        "routing": Routing.REGION,
        "place": REGION,
        "effective_from": None,
        "rates": (Rates(0, USD_PER_MILLION),),
        "source": "test",
        "read_on": date(2026, 9, 1),
    }
    return Price(**{**values, **changes})


PRICING = Pricing(PriceBook([price()]))


def no_list_price(key: object, kind: object) -> None:
    """Return no price."""


def row(day: int = 8, tokens: str = "1000", **changes: Any) -> BillRow:
    """Ana's input tokens of Nova Micro in thousands, at 1 USD a million."""
    usd = str(Decimal(tokens) / 1000)
    return BillRow(
        usage_start=f"2026-09-{day:02d}T00:00:00Z",
        line_item_type="Usage",
        account_id=ACCOUNT,
        usage_type="USE1-NovaMicro-input-tokens",
        usage_amount=tokens,
        unblended_cost=usd,
        product_code="AmazonBedrock",
        iam_principal=ANA,
        public_cost=usd,
        pricing_unit="1K tokens",
        region=REGION,
        model="Nova Micro",
    )._replace(**changes)


def call(day: int = 8, input_tokens: int | None = 1_000_000, **changes: Any) -> UsageRecord:
    """A call of Nova Micro by Ana with a million input tokens."""
    return UsageRecord(
        account_id=ACCOUNT,
        region=REGION,
        request_id="1",
        timestamp=datetime(2026, 9, day, 12, tzinfo=UTC),
        operation="Converse",
        model_id=MICRO,
        invoked_model_id=MICRO,
        identity_arn=ANA,
        tokens=TokenCounts(input_tokens, 0 if input_tokens is not None else None),
    )._replace(**changes)


def make_bill(*rows: BillRow, now: datetime = NOW, list_price: ListPrice = no_list_price) -> Bill:
    """A bill with some lines."""
    bill = Bill(now, list_price)
    for each in rows:
        bill.add(each)
    return bill


def compare(
    rows: list[BillRow],
    calls: list[UsageRecord],
    pricing: Pricing = PRICING,
    now: datetime = NOW,
) -> Reconciliation:
    """Compare a bill with calls."""
    bill = make_bill(*rows, now=now)
    metered = Metered()
    enricher = CallEnricher(pricing, facts=TagFacts.from_profiles(bill.profiles))
    for each in calls:
        metered.add(enricher.enrich(each))
    return reconcile(bill, metered, now)
