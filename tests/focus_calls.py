"""Calls of all kinds, with prices that differ by size, scope, day and contract."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from lambdas.adapters.report_layouts.focus_csv import write_csv
from lambdas.domain.attribution import UNATTRIBUTED, Attribution, AttributionSource
from lambdas.domain.calls import EnrichedCall
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    PriceBook,
    Pricing,
    Rates,
    Routing,
)
from lambdas.domain.reports.focus import DailyCharges, build_row
from tests.builders import (
    ANA,
    BEN,
    HAIKU_3,
    NO_ATTRIBUTION,
    SONNET_4,
    enriched,
    listed_price,
    usage_record,
    usd_by_kind,
)
from tests.focus_rules import TextRow, read_rows

OPUS = "anthropic.claude-opus-4-6-v1"
IMPORTED = "imported-model/abc"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"
FIRST = datetime(2026, 9, 1, tzinfo=UTC)


PRICES = PriceBook(
    [
        listed_price(HAIKU_3, Rates(0, usd_by_kind("0.25", "1.25"))),
        listed_price(SONNET_4, Rates(0, usd_by_kind("3", "15", "0.3", "3.75", "6"))),
        listed_price(
            SONNET_4,
            Rates(0, usd_by_kind("3", "15", "0.3", "3.75", "6")),
            Rates(2000, usd_by_kind("6", "22.5", "0.6", "7.5", "12")),
            routing=Routing.GLOBAL,
        ),
        listed_price(
            SONNET_4, Rates(0, usd_by_kind("1.5", "7.5", "0.15", "1.875", "3")), service_tier="flex"
        ),
        listed_price(OPUS, Rates(0, usd_by_kind("5", "25"))),
        listed_price(OPUS, Rates(0, usd_by_kind("4.999", "20")), effective_from=date(2026, 9, 2)),
    ]
)
CONTRACTED = ContractedPrices(
    [
        ContractedPrice(OPUS, date(2026, 9, 3), usd_by_kind("4"), Decimal("12.3456789")),
        ContractedPrice(IMPORTED, date(2026, 1, 1), usd_by_kind("0.5", "0.00000000000000000001")),
    ]
)
PRICING = Pricing(PRICES, CONTRACTED)

names = st.text(max_size=8) | st.sampled_from(
    ["=cmd|'/c calc'!A1", 'a "b", c', "a\nb\r\nc\rd", " ", ";\t", "\N{SNOWMAN}\x00\x85"]
)
counts = st.none() | st.integers(0, 3000) | st.integers(0, 10**12)
token_counts = st.builds(TokenCounts, counts, counts, counts, counts, st.none()).map(
    lambda tokens: tokens._replace(cache_write_1h=(tokens.cache_write or 0) // 3 or None)
)
models = st.sampled_from(
    [
        (HAIKU_3, HAIKU_3),
        (SONNET_4, f"us.{SONNET_4}"),
        (SONNET_4, f"global.{SONNET_4}"),
        (SONNET_4, PROFILE),
        (OPUS, OPUS),
        (IMPORTED, f"arn:aws:bedrock:us-east-1:111122223333:{IMPORTED}"),
        ("unknown.model-v1:0", "unknown.model-v1:0"),
    ]
)
calls = st.builds(
    lambda model, **changes: usage_record(model_id=model[0], invoked_model_id=model[1], **changes),
    model=models,
    account_id=st.sampled_from(["111122223333", "444455556666", ""]),
    region=st.sampled_from(["us-east-1", "eu-central-1", "xx-new-1", ""]),
    timestamp=st.integers(-1, 24 * 30).map(lambda hours: FIRST + timedelta(hours=hours)),
    identity_arn=st.sampled_from([ANA, BEN, "unknown"]) | names.filter(str.strip),
    tokens=token_counts,
    error_code=st.sampled_from([None, None, None, "ThrottlingException"]),
    service_tier=st.sampled_from([None, None, "flex"]),
)
labels = names.filter(str.strip) | st.just(UNATTRIBUTED)
attributions = st.builds(Attribution, labels, labels, labels, st.sampled_from(AttributionSource))
attributed_calls = st.lists(st.tuples(calls, attributions), max_size=12)


def enrich(record: UsageRecord, attribution: Attribution = NO_ATTRIBUTION) -> EnrichedCall:
    return enriched(record, PRICING, attribution)


def build_charges(
    attributed: Iterable[tuple[UsageRecord, Attribution]], pricing: Pricing = PRICING
) -> DailyCharges:
    charges = DailyCharges()
    for record, attribution in attributed:
        charges.add(enriched(record, pricing, attribution))
    return charges


def to_csv(charges: DailyCharges) -> str:
    text = io.StringIO(newline="")
    write_csv(
        (build_row(charge) for month in charges.months() for charge in charges.charges(month)), text
    )
    return text.getvalue()


def parse_rows(charges: DailyCharges) -> list[TextRow]:
    return read_rows(io.StringIO(to_csv(charges), newline=""))


def row_of_call(
    record: UsageRecord,
    attribution: Attribution = NO_ATTRIBUTION,
) -> TextRow:
    """The only row of a call that uses one kind of tokens."""
    return read_single_row(enrich(record, attribution))


def read_single_row(call: EnrichedCall) -> TextRow:
    """The only row of a call that uses one kind of tokens."""
    charges = DailyCharges()
    charges.add(call)
    (row,) = parse_rows(charges)
    return row
