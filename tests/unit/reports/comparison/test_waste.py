"""Waste is exact or an upper limit, and reveals no prompt."""

from decimal import Decimal
from typing import Any

import pytest

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.reports.comparison import RequestOutline, TrafficObserver
from lambdas.domain.reports.comparison.request_outline import Prefix
from lambdas.domain.reports.comparison.requests import Requests
from lambdas.domain.reports.comparison.waste import WasteKind, WasteSummary, WasteTotals
from tests.builders import BEN
from tests.unit.reports.comparison.observing import call, enriched_attempt, lost, report_on
from tests.unit.reports.comparison.prices import CACHELESS, DEAR, PRICING

M = 1_000_000
MINUTE = 60
HOUR = 60 * MINUTE
WRITES = TokenCounts(1, 1, 0, M, 0)
WRITES_FOR_AN_HOUR = TokenCounts(1, 1, 0, M, M)
WRITES_FOR_WHO_KNOWS = TokenCounts(1, 1, 0, M)
READS = TokenCounts(1, 1, M)


def test_failed_calls_are_priced_as_if_they_had_succeeded() -> None:
    report = report_on(
        call(tokens=TokenCounts(M, 0), error_code="ModelErrorException"),
        call(tokens=TokenCounts(), error_code="ValidationException"),
    )
    assert lost(report, WasteKind.FAILED_CALLS) == WasteTotals(2, M, 0, 1, Decimal(3), 1)


def test_throttled_calls_are_separate_and_the_caller_s_next_call_is_a_retry() -> None:
    report = report_on(
        call(0, TokenCounts(), error_code="ThrottlingException"),
        call(1, TokenCounts(M), error_code="ThrottlingException"),  # again
        call(61),  # and again, a minute later
        call(62),  # another call
    )
    assert lost(report, WasteKind.THROTTLED_CALLS) == WasteTotals(2, M, 0, 1, Decimal(3), 1)
    assert lost(report, WasteKind.RETRIED_CALLS) == WasteTotals(calls=2)
    assert lost(report, WasteKind.FAILED_CALLS) == WasteTotals()


@pytest.mark.parametrize(
    "change",
    [{"seconds": 61}, {"model": CACHELESS}, {"identity_arn": BEN}, {"region": "eu-west-1"}],
)
def test_a_late_call_or_one_from_another_caller_is_not_a_retry(change: dict[str, Any]) -> None:
    report = report_on(
        call(0, TokenCounts(), error_code="ThrottlingException"), call(**({"seconds": 1} | change))
    )
    assert lost(report, WasteKind.RETRIED_CALLS) == WasteTotals()


@pytest.mark.parametrize(
    ("writes", "lifetime", "premium"),
    [
        (WRITES, 5 * MINUTE, "0.75"),
        (WRITES_FOR_AN_HOUR, HOUR, "3"),
        (WRITES_FOR_WHO_KNOWS, HOUR, "0.75"),
    ],
)
def test_a_cache_write_not_read_in_its_lifetime_is_waste(
    writes: TokenCounts, lifetime: int, premium: str
) -> None:
    slack = MINUTE
    unread = WasteTotals(1, M, 0, 1, Decimal(premium), 0)
    ended = report_on(call(0, writes), end_seconds=lifetime + slack + 1)
    assert lost(ended, WasteKind.UNREAD_CACHE_WRITES) == unread
    too_late = report_on(call(0, writes), call(lifetime + slack + 1, READS))
    assert lost(too_late, WasteKind.UNREAD_CACHE_WRITES) == unread
    in_time = report_on(call(0, writes), call(lifetime, READS), end_seconds=10 * HOUR)
    assert lost(in_time, WasteKind.UNREAD_CACHE_WRITES) == WasteTotals()


def test_cache_writes_still_alive_are_not_judged() -> None:
    report = report_on(call(0, WRITES), end_seconds=5 * MINUTE)
    assert lost(report, WasteKind.UNREAD_CACHE_WRITES) == WasteTotals()


@pytest.mark.parametrize(
    ("change", "is_lost"),
    [
        ({"identity_arn": BEN}, False),  # a read by any caller counts
        ({"project": "chat"}, False),
        ({"region": "eu-west-1"}, True),
        ({"account_id": "444455556666"}, True),
        ({"model": CACHELESS}, True),
        ({"seconds": 0}, False),  # within the same second: the order is unknown
    ],
)
def test_reads_of_the_same_account_region_and_model_count(
    change: dict[str, Any], is_lost: bool
) -> None:
    given = dict[str, Any](seconds=1, tokens=READS)
    reads = call(**(given | change))
    for calls in ([call(0, WRITES), reads], [reads, call(0, WRITES)]):
        if calls[0] is reads and change != {"seconds": 0}:
            continue
        report = report_on(*calls, end_seconds=HOUR)
        assert (lost(report, WasteKind.UNREAD_CACHE_WRITES) != WasteTotals()) is is_lost


def test_a_call_does_not_read_its_own_cache_write() -> None:
    both = TokenCounts(1, 1, M, M, 0)
    report = report_on(call(0, both), end_seconds=HOUR)
    assert lost(report, WasteKind.UNREAD_CACHE_WRITES).tokens == M


def test_wasted_writes_without_a_price_have_no_amount() -> None:
    report = report_on(call(0, WRITES, model=CACHELESS), end_seconds=HOUR)
    figures = lost(report, WasteKind.UNREAD_CACHE_WRITES)
    assert figures == WasteTotals(1, M, unpriced_calls=1)
    assert figures.usd is None


def prompts(*sizes: int, max_tokens: int | None = None) -> RequestOutline:
    """A request whose prefixes differ by their size."""
    return RequestOutline(max_tokens, tuple(Prefix(size, size) for size in sizes))


def test_a_repeated_prefix_is_the_most_that_a_cache_could_save() -> None:
    report = report_on(
        call(0, TokenCounts(M, 1), outline=prompts(10, M // 2)),
        call(299, TokenCounts(M, 1), outline=prompts(10, M // 2, M)),
    )
    saved = Decimal("1.35")  # half a million tokens of 3 dollars that could be 0.3
    assert lost(report, WasteKind.REPEATED_PREFIXES) == WasteTotals(1, M // 2, M // 2, 1, saved, 0)


def test_repeated_tokens_never_exceed_the_input() -> None:
    sent, read = prompts(5000), TokenCounts(1007, 1)
    report = report_on(call(0, read, outline=sent), call(1, read, outline=sent))
    assert lost(report, WasteKind.REPEATED_PREFIXES).tokens == 1007


@pytest.mark.parametrize(
    ("read", "size", "tokens"),
    [(1000, 5000, 1000), (999, 5000, 0), (5000, 1000, 1000), (5000, 999, 0)],
)
def test_prefixes_too_short_for_any_cache_are_not_waste(read: int, size: int, tokens: int) -> None:
    sent = [call(second, TokenCounts(read, 1), outline=prompts(size)) for second in (0, 1)]
    assert lost(report_on(*sent), WasteKind.REPEATED_PREFIXES).tokens == tokens


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 301},
        {"identity_arn": BEN},
        {"model": CACHELESS},
        {"tokens": TokenCounts(9000, 1, cache_read=1)},
        {"tokens": TokenCounts(9000, 1, cache_write=1)},
        {"error_code": "ModelErrorException"},
        {"outline": prompts(9898)},
        {"outline": None},
    ],
)
def test_a_late_foreign_or_cached_prefix_is_not_repeated(
    change: dict[str, Any],
) -> None:
    sent: dict[str, Any] = {"tokens": TokenCounts(9000, 1), "outline": prompts(9999)}
    report = report_on(call(0, **sent), call(**(sent | {"seconds": 1} | change)))
    assert lost(report, WasteKind.REPEATED_PREFIXES) == WasteTotals()


def test_repeats_on_a_model_without_a_cache_price_have_no_amount() -> None:
    sent: dict[str, Any] = {"tokens": TokenCounts(9000, 1), "outline": prompts(1004)}
    repeated = [call(second, model=CACHELESS, **sent) for second in (0, 1)]
    assert lost(report_on(*repeated), WasteKind.REPEATED_PREFIXES) == WasteTotals(
        1, 1004, 1004, unpriced_calls=1
    )


def test_the_oldest_prefixes_are_evicted_first() -> None:
    requests = Requests(waste := WasteSummary({}), max_beginnings=2)
    for second, size in enumerate((1001, 1002, 1003, 1001, 1003)):
        sent = call(second, TokenCounts(9000, 1))
        observed = TrafficObserver(PRICING).read(enriched_attempt(sent))
        requests.observe(observed, prompts(size))
    assert [figures.calls for figures in waste.totals.values()] == [1]  # the third alone


@pytest.mark.parametrize(
    ("max_tokens", "output", "idle"),
    [(5000, 500, 4500), (4999, 500, 0), (1100, 100, 1000), (1099, 100, 0), (4096, 0, 4096)],
)
def test_max_tokens_is_oversized_from_ten_times_the_output(
    max_tokens: int, output: int, idle: int
) -> None:
    asked = prompts(max_tokens=max_tokens)
    report = report_on(call(0, TokenCounts(1, output), outline=asked))
    figures = lost(report, WasteKind.OVERSIZE_MAX_TOKENS)
    assert figures.tokens == idle
    assert figures.usd is None


def test_savings_opportunities_are_grouped_by_project_and_model_most_expensive_first() -> None:
    failed: dict[str, Any] = {"error_code": "ModelErrorException"}
    report = report_on(
        call(0, TokenCounts(1), project="chat", **failed),
        call(0, TokenCounts(M), project="search", **failed),
        call(0, TokenCounts(M), project="search", model=CACHELESS, **failed),
    )
    assert [(key.project, key.model_id) for key, _ in report.waste] == [
        ("search", DEAR),
        ("search", CACHELESS),
        ("chat", DEAR),
    ]
