"""Options name what makes a workload cheaper, and only models that are comparable.

A kind of option that does not appear has a reason.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import (
    BATCH_TIER,
    ContractedPrice,
    ContractedPrices,
    PriceBook,
    Pricing,
    Rates,
    TokenKind,
    read_route,
    shipped_prices,
)
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.reports.comparison import (
    ABSENCES,
    AbsenceReason,
    ComparisonReport,
    OptionKind,
    RequestOutline,
    SavingsOption,
    model_family,
)
from lambdas.domain.reports.comparison.comparable import is_same_class, shipped_windows
from lambdas.domain.reports.comparison.lifecycle import shipped_legacy_models
from lambdas.domain.reports.comparison.request_outline import Prefix
from tests.builders import HAIKU_3, SONNET_4, listed_price, usd_by_kind
from tests.unit.reports.comparison.observing import call, report_on
from tests.unit.reports.comparison.prices import BOOK, CHEAP, DEAR, EMBEDDING

SHIPPED = Pricing(shipped_prices())
OPUS = "anthropic.claude-opus-4-6-v1"
TINY = "mistral.voxtral-mini-3b-2507"
REGION = "us-east-1"
M = 1_000_000


def find_moves(report: ComparisonReport) -> list[SavingsOption]:
    """The options that move calls to another model."""
    return [option for option in report.options if option.kind is OptionKind.MOVE]


def get_prices(model_id: str, tokens: int) -> dict[TokenKind, Decimal]:
    """The list prices of a model in the Region of calls that read a number of tokens."""
    day = call().record.timestamp.date()
    return dict(SHIPPED.rates_in(model_id, read_route(model_id, REGION), day, tokens))


def test_opus_moves_to_its_family_and_never_to_a_tiny_model() -> None:
    invoked = f"us.{OPUS}"
    report = report_on(
        call(tokens=TokenCounts(10_000, 5_000), model=OPUS, invoked_model_id=invoked),
        pricing=SHIPPED,
    )
    moves = find_moves(report)
    assert any(move.target and move.target.startswith("anthropic.claude") for move in moves)
    assert TINY not in {move.target for move in moves}


text_models = sorted(
    {
        price.model_id
        for price in SHIPPED.book
        if price.rates and TokenKind.OUTPUT in price.rates[0].usd_per_million
    }
)


@given(
    st.lists(
        st.tuples(st.sampled_from(text_models), st.integers(1, 300_000), st.integers(0, 50_000)),
        min_size=1,
        max_size=4,
    )
)
def test_an_unrelated_small_model_never_stands_on_top(
    used: list[tuple[str, int, int]],
) -> None:
    calls = [
        call(second, TokenCounts(read, written), model=model)
        for second, (model, read, written) in enumerate(used)
    ]
    for move in find_moves(report_on(*calls, pricing=SHIPPED)):
        assert move.target is not None
        is_related = model_family(move.target) == model_family(move.model_id)
        least = Decimal(1) / (5 if is_related else 3)
        moved = [(read, written) for model, read, written in used if model == move.model_id]
        for read, written in moved:
            own, other = get_prices(move.model_id, read), get_prices(move.target, read)
            for kind in (TokenKind.INPUT, TokenKind.OUTPUT):
                assert other[kind] / own[kind] >= least
            assert shipped_windows()[name_and_version(move.target)[0]] >= read + written
        assert name_and_version(move.target)[0] not in shipped_legacy_models()


def test_no_model_with_an_announced_end_is_recommended() -> None:
    legacy = {
        "anthropic.claude-3-5-haiku-20241022-v1:0",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-instant-v1",
        "meta.llama3-2-3b-instruct-v1:0",
    }
    assert {name_and_version(model)[0] for model in legacy} <= shipped_legacy_models()
    models = (SONNET_4, "meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-2407-v1:0")
    calls = [call(n, TokenCounts(10_000, 5_000), model=model) for n, model in enumerate(models)]
    targets = {move.target for move in find_moves(report_on(*calls, pricing=SHIPPED))}
    assert "anthropic.claude-haiku-4-5-20251001-v1:0" in targets
    assert targets.isdisjoint(legacy)


def test_only_the_calls_of_one_model_move() -> None:
    report = report_on(
        call(0, TokenCounts(10_000, 5_000), model=SONNET_4),
        call(1, TokenCounts(10_000, 5_000), model=HAIKU_3),
        call(2, TokenCounts(10_000, 5_000), model=HAIKU_3, project="chat"),
        pricing=SHIPPED,
    )
    of_sonnet = [move for move in find_moves(report) if move.model_id == SONNET_4]
    assert of_sonnet
    assert {(move.project, move.calls, move.usd) for move in of_sonnet} == {
        ("search", 1, Decimal("0.105"))
    }


def test_a_model_whose_window_is_too_small_is_not_comparable() -> None:
    def targets(tokens: int) -> set[str | None]:
        made = call(tokens=TokenCounts(tokens, 1), model=SONNET_4)
        return {move.target for move in find_moves(report_on(made, pricing=SHIPPED))}

    haiku = "anthropic.claude-haiku-4-5-20251001-v1:0"
    window = shipped_windows()[name_and_version(haiku)[0]]
    assert haiku in targets(window - 1)
    assert haiku not in targets(window)


def test_prices_of_another_family_may_be_down_to_a_third_of_the_own() -> None:
    own = usd_by_kind("3", "15")
    for usd, is_other, is_related in (
        ("1", True, True),
        ("0.9", False, True),
        ("0.5", False, False),
    ):
        rates = usd_by_kind(usd, "15")
        assert is_same_class("maker.line-1", own, "other.line-1", rates) is is_other
        assert is_same_class("maker.line-1", own, "maker.line-2", rates) is is_related
    assert not is_same_class("maker.line-1", own, "maker.line-2", usd_by_kind("3"))


def test_embeddings_are_not_moved() -> None:
    assert report_on(call(tokens=TokenCounts(M), model=EMBEDDING)).options == ()


def test_a_tier_is_an_option_only_where_every_kind_of_token_has_its_price() -> None:
    def kinds(**tokens: int) -> list[OptionKind]:
        made = call(tokens=TokenCounts(M, M, **tokens), model=CHEAP)
        return [option.kind for option in report_on(made).options]

    assert kinds() == kinds(cache_read=M) == [OptionKind.FLEX]
    assert report_on(call(tokens=TokenCounts(M, M), model=DEAR)).options == ()


def test_what_requests_repeat_can_be_cached() -> None:
    outline = RequestOutline(prefixes=(Prefix(1, 10_000),))
    made = [call(second, TokenCounts(M, 0), model=DEAR, outline=outline) for second in range(3)]
    (option,) = report_on(*made).options
    assert (option.kind, option.calls, option.usd) == (OptionKind.CACHE, 2, Decimal(9))
    assert option.saved_usd == 2 * Decimal("0.027")  # 10,000 tokens at 3 and at 0.3


def find_absences(report: ComparisonReport) -> dict[OptionKind, AbsenceReason]:
    """The reason for each kind of option that the calls to one model do not have."""
    return {option.kind: option.reason for option in report.absent_options}


BATCHED = "maker.batched-v1:0"
WITH_BATCHES = Pricing(
    PriceBook(
        [
            *BOOK,
            listed_price(BATCHED, Rates(0, usd_by_kind("4", "8"))),
            listed_price(BATCHED, Rates(0, usd_by_kind("2", "4")), service_tier=BATCH_TIER),
            listed_price(BATCHED, Rates(0, usd_by_kind("9", "9")), service_tier="flex"),
        ]
    )
)


def test_batch_jobs_are_an_option_where_the_model_has_a_batch_price() -> None:
    made = [call(n, TokenCounts(M, M), model=BATCHED) for n in range(4)]
    report = report_on(*made, pricing=WITH_BATCHES)
    (option,) = report.options
    assert (option.kind, option.usd, option.option_usd) == (
        OptionKind.BATCH,
        Decimal(48),
        Decimal(24),
    )
    assert find_absences(report) == {
        OptionKind.MOVE: AbsenceReason.NO_COMPARABLE_MODEL,
        OptionKind.FLEX: AbsenceReason.NOT_CHEAPER,
        OptionKind.CACHE: AbsenceReason.NO_CACHE_PRICE,
    }


def test_shipped_batch_prices_halve_the_cost_of_nova_calls() -> None:
    made = [call(n, TokenCounts(M, M), model="amazon.nova-lite-v1:0") for n in range(4)]
    options = report_on(*made, pricing=SHIPPED).options
    (batch,) = [option for option in options if option.kind is OptionKind.BATCH]
    assert batch.option_usd * 2 == batch.usd == Decimal("1.20")


@pytest.mark.parametrize(
    ("calls", "days", "reason"),
    [
        (100, 30, None),
        (99, 30, AbsenceReason.TOO_FEW_CALLS),
        (99, 29, None),
        (1, 30, AbsenceReason.TOO_FEW_CALLS),
    ],
)
def test_batch_jobs_need_a_hundred_calls_in_thirty_days(
    calls: int, days: int, reason: AbsenceReason | None
) -> None:
    made = [call(n, TokenCounts(M, M), model=BATCHED) for n in range(calls)]
    end_seconds = (days - 1) * 86_400
    report = report_on(*made, pricing=WITH_BATCHES, end_seconds=end_seconds)
    assert [option.kind for option in report.options] == [OptionKind.BATCH] * (reason is None)
    assert find_absences(report).get(OptionKind.BATCH) is reason


@pytest.mark.parametrize(("tokens", "is_offered"), [(100_000, True), (99_000, False)])
def test_an_option_has_to_save_a_dollar_in_thirty_days(tokens: int, is_offered: bool) -> None:
    book = [
        listed_price("maker.flexible-v1:0", Rates(0, usd_by_kind("20", "20"))),
        listed_price("maker.flexible-v1:0", Rates(0, usd_by_kind("10", "10")), service_tier="flex"),
    ]
    made = call(tokens=TokenCounts(tokens, 0), model="maker.flexible-v1:0")
    end_seconds = 29 * 86_400  # thirty days
    report = report_on(made, pricing=Pricing(PriceBook(book)), end_seconds=end_seconds)
    assert [option.kind for option in report.options] == [OptionKind.FLEX] * is_offered
    reason = None if is_offered else AbsenceReason.SAVES_TOO_LITTLE
    assert find_absences(report).get(OptionKind.FLEX) is reason


def test_a_move_that_saves_too_little_is_absent_only_if_no_other_move_is_left() -> None:
    def report(tokens: int) -> ComparisonReport:
        return report_on(call(tokens=TokenCounts(tokens, 0), model=SONNET_4), pricing=SHIPPED)

    small, large = report(10), report(1_000_000)
    assert find_absences(small)[OptionKind.MOVE] is AbsenceReason.SAVES_TOO_LITTLE
    assert not small.options
    assert OptionKind.MOVE not in find_absences(large)
    assert len(find_moves(large)) > 1
    assert len(small.absent_options) == len(set(small.absent_options))


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"model": DEAR}, OptionKind.FLEX, AbsenceReason.NO_PRICE),
        (
            {"model": BATCHED, "region": "eu-west-1"},
            OptionKind.BATCH,
            AbsenceReason.NO_PRICE_IN_REGION,
        ),
        (
            {"model": BATCHED, "tokens": TokenCounts(M, M, cache_read=M)},
            OptionKind.BATCH,
            AbsenceReason.NO_PRICE_OF_A_KIND,
        ),
        (
            {"model": CHEAP, "service_tier": "flex"},
            OptionKind.FLEX,
            AbsenceReason.ALREADY_USED,
        ),
        ({"model": CHEAP, "service_tier": "flex"}, OptionKind.BATCH, AbsenceReason.OTHER_TIER),
        ({"model": EMBEDDING, "tokens": TokenCounts(M)}, OptionKind.MOVE, AbsenceReason.EMBEDDING),
        (
            {"model": DEAR, "tokens": TokenCounts(M, M, cache_read=M)},
            OptionKind.CACHE,
            AbsenceReason.ALREADY_USED,
        ),
        ({"model": DEAR}, OptionKind.CACHE, AbsenceReason.CONTENT_NOT_LOGGED),
        (
            {"model": DEAR, "outline": RequestOutline()},
            OptionKind.CACHE,
            AbsenceReason.TOO_FEW_REPEATED_TOKENS,
        ),
    ],
)
def test_an_option_that_does_not_appear_has_a_reason(
    changes: dict[str, Any], kind: OptionKind, reason: AbsenceReason
) -> None:
    # Without a list price of cache reads, a contracted one gives such calls a cost.
    contracted = ContractedPrices(
        [ContractedPrice(BATCHED, date(2026, 1, 1), {TokenKind.CACHE_READ: Decimal(1)})]
    )
    made = call(**{"tokens": TokenCounts(M, M)} | changes)
    report = report_on(made, pricing=replace(WITH_BATCHES, contracted=contracted))
    assert kind not in {option.kind for option in report.options}
    assert find_absences(report)[kind] is reason


def test_every_kind_of_option_appears_or_has_a_reason() -> None:
    models = (DEAR, CHEAP, BATCHED, EMBEDDING)
    made = [
        call(n, TokenCounts(M, M * (model != EMBEDDING)), model=model)
        for n, model in enumerate(models)
    ]
    report = report_on(*made, pricing=WITH_BATCHES)
    for model in models:
        offered = {option.kind for option in report.options if option.model_id == model}
        absent = {option.kind for option in report.absent_options if option.model_id == model}
        assert offered.isdisjoint(absent)
        assert offered | absent == set(OptionKind)
    assert set(ABSENCES) == set(AbsenceReason)
    costs = [option.usd for option in report.absent_options]
    assert costs == sorted(costs, reverse=True)


def test_a_much_smaller_model_is_not_comparable_whatever_it_costs() -> None:
    usd = usd_by_kind("1", "1")
    large = "meta.llama3-1-70b-instruct-v1:0"
    assert not is_same_class(large, usd, "meta.llama3-1-8b-instruct-v1:0", usd)
    assert is_same_class(large, usd, "meta.llama4-scout-17b-instruct-v1:0", usd)
    assert not is_same_class(large, usd, "google.gemma-3-12b-it", usd)
    assert is_same_class("meta.llama3-1-8b-instruct-v1:0", usd, large, usd)
    assert is_same_class(large, usd, "amazon.nova-lite-v1:0", usd)  # it names no size
