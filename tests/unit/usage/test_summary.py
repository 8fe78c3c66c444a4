"""Totals per identity and per model add up for any order of calls."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import UNATTRIBUTED, AttributionRules, TrustedPrincipal
from lambdas.domain.invocations import TokenCounts, UsageDoubt, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.pricing import Cost, Pricing, Unpriced, shipped_prices
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.usage import GroupField, UsageSummary, UsageTotals, add_up_totals
from lambdas.domain.usage.summary import CallGroup
from tests.builders import (
    ANA,
    BEN,
    HAIKU_3,
    NOON,
    PRICING,
    SONNET_4,
    disputed_call,
    token_counts,
    usage_record,
    usage_records,
)
from tests.fakes import InMemoryUsageLedger
from tests.focus_calls import PRICES


def summarize(*batches: list[UsageRecord]) -> UsageSummary:
    summary = UsageSummary(PRICING)
    ledger = InMemoryUsageLedger(summary.apply)
    for batch in batches:
        ledger.write(batch)
    return summary


def collect_totals(summary: UsageSummary) -> object:
    return summary.calls, summary.by_identity(), summary.by_model()


def test_token_kinds_are_added_up_separately() -> None:
    tokens = TokenCounts(input=3, output=52, cache_read=7, cache_write=100)
    ((identity, figures),) = summarize([usage_record(tokens=tokens)]).by_identity()
    assert identity == ANA
    assert figures == UsageTotals(
        invocations=1,
        input_tokens=3,
        cache_read_tokens=7,
        cache_write_tokens=100,
        output_tokens=52,
        quota_tokens=155,
        unpriced_invocations=1,  # there is no price of its cache
    )
    assert figures.total_tokens == 162


def test_tokens_of_failed_calls_are_only_in_the_failed_total() -> None:
    failed = usage_record(error_code="ModelStreamErrorException")
    ((_, figures),) = summarize([failed]).by_model()
    assert figures == UsageTotals(invocation_errors=1, failed_tokens=15)


def test_a_successful_call_without_counts_has_missing_counts() -> None:
    image = usage_record(request_id="image", tokens=TokenCounts())
    embedding = usage_record(request_id="embedding", tokens=TokenCounts(input=6))
    failure = usage_record(request_id="failure", tokens=TokenCounts(), error_code="Throttling")
    ((_, figures),) = summarize([image, embedding, failure]).by_identity()
    assert figures.records_missing_counts == 1


def test_a_text_call_with_an_unknown_output_has_a_missing_output() -> None:
    cut_off = TokenCounts(input=6)
    calls = [
        usage_record(request_id="1", operation="ConverseStream", tokens=cut_off),
        usage_record(request_id="2", operation="InvokeModelWithResponseStream", tokens=cut_off),
        usage_record(request_id="embedding", operation="InvokeModel", tokens=cut_off),
        usage_record(request_id="whole", operation="ConverseStream"),
        usage_record(request_id="nothing", operation="ConverseStream", tokens=TokenCounts()),
        usage_record(request_id="failure", operation="ConverseStream", error_code="Throttling"),
    ]
    ((_, figures),) = summarize(calls).by_identity()
    assert figures.records_missing_output == 2
    assert figures.records_missing_counts == 1


def test_doubtful_usage_is_counted_by_its_reason() -> None:
    doubts = [None, UsageDoubt.AMBIGUOUS, UsageDoubt.UNVERIFIED, UsageDoubt.UNVERIFIED]
    calls = [
        usage_record(request_id=f"{number}", usage_doubt=doubt)
        for number, doubt in enumerate(doubts)
    ]
    ((_, figures),) = summarize(calls).by_model()
    assert (figures.ambiguous_invocations, figures.unverified_invocations) == (1, 2)


def test_costs_at_assumed_prices_and_reasons_of_unpriced_calls_are_counted() -> None:
    summary = UsageSummary(Pricing(PRICES))
    ledger = InMemoryUsageLedger(summary.apply)
    ledger.write(
        [
            usage_record(request_id="near", tokens=TokenCounts(input=1_000_000)),
            usage_record(request_id="far", region="eu-west-1", tokens=TokenCounts(input=1_000_000)),
            usage_record(request_id="unknown", model_id="a.b"),
            usage_record(request_id="image", tokens=TokenCounts()),
        ]
    )
    ((_, figures),) = summary.by_identity()
    assert (figures.priced_invocations, figures.cost_usd) == (2, Decimal("0.5"))
    assert figures.assumed_price_invocations == 1
    assert figures.assumed_cost_usd == Decimal("0.25")
    assert summary.unpriced == {Unpriced.NO_PRICE: 1, Unpriced.NO_COUNTS: 1}
    ledger.write([usage_record(request_id="image", tokens=TokenCounts(input=1))])
    assert +summary.unpriced == {Unpriced.NO_PRICE: 1}


def test_cost_is_exact_and_known_only_for_priced_calls() -> None:
    calls = [
        usage_record(request_id="1", tokens=TokenCounts(input=7, output=3)),
        usage_record(request_id="2", tokens=TokenCounts(input=2, output=1)),
        usage_record(request_id="3", model_id=SONNET_4),
        usage_record(request_id="4", error_code="ThrottlingException"),
    ]
    summary = summarize(calls)
    figures = dict(summary.by_model())
    assert figures[HAIKU_3].cost_usd == Decimal("0.00000725")
    assert figures[HAIKU_3].unpriced_invocations == 0
    assert figures[SONNET_4].cost_usd is None
    assert figures[SONNET_4].unpriced_invocations == 1
    ((_, everything),) = summary.by_identity()
    assert (everything.priced_invocations, everything.unpriced_invocations) == (2, 1)


def test_totals_are_ranked_by_total_tokens_and_then_by_name() -> None:
    summary = summarize(
        [
            usage_record(request_id="1", identity_arn="b"),
            usage_record(request_id="2", identity_arn="a"),
            usage_record(request_id="3", identity_arn="c", tokens=TokenCounts(input=1000)),
        ]
    )
    assert [arn for arn, _ in summary.by_identity()] == ["c", "a", "b"]


def test_a_correction_moves_a_call_to_its_new_identity_and_model() -> None:
    before = usage_record(identity_arn=ANA, model_id=HAIKU_3)
    after = usage_record(identity_arn=BEN, model_id=SONNET_4, tokens=TokenCounts(input=1))
    summary = summarize([before])
    summary.apply([LedgerChange(after, replaced=before)])
    assert (summary.calls, summary.corrections) == (1, 1)
    assert summary.by_identity() == summarize([after]).by_identity()
    assert summary.by_model() == summarize([after]).by_model()


def test_a_call_with_conflicting_models_is_counted_for_the_most_expensive() -> None:
    ((model_id, figures),) = summarize([disputed_call()]).by_model()
    assert (model_id, figures.priced_invocations) == (HAIKU_3, 1)


@given(st.lists(usage_records, unique_by=lambda record: record.key), st.data())
def test_order_batching_and_repetition_change_nothing(
    records: list[UsageRecord], data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(records))) if records else []
    shuffled = data.draw(st.permutations(records + repeated))
    cut = data.draw(st.integers(0, len(shuffled)))
    at_once, in_batches = summarize(records), summarize(shuffled[:cut], shuffled[cut:])
    assert collect_totals(in_batches) == collect_totals(at_once)
    assert in_batches.corrections == 0


@given(st.lists(usage_records, max_size=12), st.data())
def test_totals_do_not_depend_on_the_order_of_conflicting_readings(
    records: list[UsageRecord], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(records))
    one_by_one = summarize(*([record] for record in shuffled))
    assert collect_totals(one_by_one) == collect_totals(summarize(records))


@given(st.lists(usage_records))
def test_identities_and_models_add_up_to_the_same(records: list[UsageRecord]) -> None:
    summary = summarize(records)
    by_identity = add_up_totals(figures for _, figures in summary.by_identity())
    assert by_identity == add_up_totals(figures for _, figures in summary.by_model())
    assert by_identity.invocations + by_identity.invocation_errors == summary.calls


@given(token_counts)
def test_a_total_is_the_sum_of_its_kinds(tokens: TokenCounts) -> None:
    figures, group = UsageTotals(), CallGroup(usage_record(tokens=tokens))
    group.add(tokens)
    figures.add(group, HAIKU_3, cost=None)
    assert figures.total_tokens == (tokens.total or 0)
    assert (tokens.total is None) == (tokens.total_input is None and tokens.output is None)


@given(
    st.lists(
        st.builds(
            lambda size, model_id, day: usage_record(
                tokens=TokenCounts(input=size, output=size % 7, cache_read=size % 3),
                model_id=model_id,
                timestamp=NOON + timedelta(days=day),
            ),
            st.one_of(st.integers(0, 300_000), st.sampled_from([100_000, 200_000, 272_000])),
            st.sampled_from([SONNET_4, "openai.gpt-5.4", "amazon.nova-2-lite-v1:0"]),
            st.integers(0, 2),
        )
    )
)
def test_cost_of_groups_is_the_sum_of_the_costs_of_their_calls(calls: list[UsageRecord]) -> None:
    pricing = Pricing(shipped_prices())
    summary = UsageSummary(pricing)
    summary.apply(list(map(LedgerChange, calls)))
    costs = [price_call(call, pricing) for call in calls]
    known = [cost.effective_usd for cost in costs if isinstance(cost, Cost)]
    figures = add_up_totals(part for _, part in summary.by_model())
    assert figures.priced_usd == sum(known, Decimal(0))
    assert figures.priced_invocations == len(known)
    assert summary.unpriced.total() == len(calls) - len(known)


def test_groups_of_any_field_add_up_to_all_calls() -> None:
    later = NOON + timedelta(days=30)
    calls = [
        usage_record(request_id="1"),
        usage_record(request_id="2", identity_arn=BEN, region="eu-west-1"),
        usage_record(request_id="3", timestamp=later, account_id="444455556666"),
        usage_record(request_id="4", timestamp=later, model_id=SONNET_4, invoked_model_id=SONNET_4),
    ]
    summary = summarize(calls)
    whole = add_up_totals(totals for _, totals in summary.by_identity())
    for fields in (*((part,) for part in GroupField), (GroupField.MONTH, GroupField.REGION)):
        assert add_up_totals(totals for _, totals in summary.group_by(*fields)) == whole
    by_account = summary.group_by(GroupField.ACCOUNT)
    assert {values: totals.invocations for values, totals in by_account} == {
        ("111122223333",): 3,
        ("444455556666",): 1,
    }


def test_calls_of_a_project_are_grouped_by_trusted_metadata_only_if_there_are_rules() -> None:
    trusted = TrustedPrincipal(
        effective_from=NOON - timedelta(days=1), account_id=ANA.split(":")[4], principal="role/chat"
    )
    rules = AttributionRules(trusted_principals=(trusted,))
    calls = [
        usage_record(request_id=project, request_metadata=(("project", project),))
        for project in ("search", "chat")
    ]
    with_rules, without = UsageSummary(PRICING, rules), UsageSummary(PRICING)
    for summary in (with_rules, without):
        for call in calls:
            summary.add(call)
    by_project = with_rules.group_by(GroupField.PROJECT)
    assert [values for values, _ in by_project] == [("chat",), ("search",)]
    assert [values for values, _ in without.group_by(GroupField.PROJECT)] == [(UNATTRIBUTED,)]
    assert len(list(without.groups)) == 1
