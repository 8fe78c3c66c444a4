"""Limits count a call as the exact counters do."""

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import UsageTotals, measure_amounts, read_usage
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.limits import NO_USE, Amounts
from tests.builders import PRICING, usage_record, usage_records

ENRICHER = CallEnricher(PRICING)


def measure(*records: UsageRecord) -> Amounts:
    return measure_amounts(map(ENRICHER.enrich, records))


def test_a_call_counts_its_tokens_and_its_cost() -> None:
    assert measure(usage_record()) == Amounts(15, 15, 10, 5, 8_750_000)
    cached = measure(usage_record(tokens=TokenCounts(10, 5, cache_read=100, cache_write=7)))
    assert (cached.quota_tokens, cached.total, cached.input, cached.output) == (22, 122, 10, 5)


def test_a_failed_call_uses_nothing() -> None:
    assert measure(usage_record(error_code="ThrottlingException")) == NO_USE


def test_what_is_not_known_stays_unknown_and_is_not_zero() -> None:
    unread = measure(usage_record(tokens=TokenCounts()))
    assert (unread.quota_tokens, unread.total, unread.input, unread.output) == (None,) * 4
    unpriced = measure(usage_record(model_id="a-model", invoked_model_id="a-model"))
    assert (unpriced.usd, unpriced.total) == (None, 15)


@given(st.lists(usage_records, max_size=3))
def test_several_calls_of_one_reservation_count_as_counters_count_them(
    records: list[UsageRecord],
) -> None:
    totals = sum(
        (read_usage(ENRICHER.enrich(record)).totals for record in records), UsageTotals.ZERO
    )
    used = measure(*records)
    assert used.requests == totals.calls
    for known, counted in (
        (used.quota_tokens, totals.quota_tokens),
        (used.total, totals.total_tokens),
        (used.input, totals.input_tokens),
        (used.output, totals.output_tokens),
    ):
        assert known in {None, counted}
    assert used.usd == (None if totals.unpriced_calls else totals.cost_picodollars)
