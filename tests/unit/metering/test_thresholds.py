"""Thresholds are crossed by an identity, in an hour of the clock, at a minute."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metering import (
    HourlyTokens,
    LedgerChange,
    Severity,
    Threshold,
    ThresholdCrossed,
)
from tests.builders import ANA, BEN, NOON, usage_record, usage_records

WARNING = Threshold(Severity.WARNING, 100)
CRITICAL = Threshold(Severity.CRITICAL, 500)


def crossings(*records: UsageRecord) -> list[ThresholdCrossed]:
    hourly = HourlyTokens()
    hourly.apply([LedgerChange(record) for record in records])
    return hourly.crossings([WARNING, CRITICAL])


def call(minute: int, tokens: int, identity_arn: str = ANA) -> UsageRecord:
    return usage_record(
        timestamp=NOON + timedelta(minutes=minute),
        identity_arn=identity_arn,
        tokens=TokenCounts(input=tokens),
    )


def test_a_threshold_is_crossed_in_the_minute_in_which_the_sum_reaches_it() -> None:
    assert crossings(call(1, 60), call(5, 40), call(9, 1)) == [
        ThresholdCrossed(ANA, WARNING, NOON + timedelta(minutes=5), quota_tokens=101)
    ]


def test_one_token_less_crosses_nothing() -> None:
    assert crossings(call(1, 60), call(5, 39)) == []


def test_each_identity_is_counted_by_itself() -> None:
    assert crossings(call(1, 99), call(2, 99, BEN)) == []
    crossed = crossings(call(1, 99), call(2, 500, BEN))
    assert [(it.identity_arn, it.threshold) for it in crossed] == [(BEN, WARNING), (BEN, CRITICAL)]


def test_every_hour_starts_from_nothing() -> None:
    assert crossings(call(59, 99), call(60, 99)) == []
    assert len(crossings(call(59, 100), call(60, 100))) == 2


def test_failed_calls_and_absent_counts_cross_nothing() -> None:
    failed = call(1, 1000)._replace(error_code="ThrottlingException")
    assert crossings(failed, usage_record(tokens=TokenCounts(cache_read=1000))) == []


def test_a_correction_takes_its_tokens_back() -> None:
    hourly = HourlyTokens()
    wrong, right = call(1, 1000), call(1, 10)
    hourly.apply([LedgerChange(wrong)])
    hourly.apply([LedgerChange(right, replaced=wrong)])
    assert hourly.crossings([WARNING]) == []


@given(st.lists(usage_records), st.randoms())
def test_crossings_do_not_depend_on_the_order_of_calls(
    records: list[UsageRecord], chance: Random
) -> None:
    shuffled = records.copy()
    chance.shuffle(shuffled)
    assert crossings(*shuffled) == crossings(*records)
