"""The totals, rankings, new names and unusual days of a summary."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics import RoleRollUp
from lambdas.domain.pricing import Unpriced
from lambdas.domain.reports.weekly import (
    MAX_RANKED,
    OTHER_NAMES,
    NameKind,
    ReportedWeek,
    WeeklySummary,
    WeeklyTally,
    summarize,
)
from tests.builders import ANA, BEN, HAIKU_3
from tests.unit.reports.weekly.weekly_calls import (
    LONG_AGO,
    MONDAY,
    SUNDAY,
    UNPRICED_MODEL,
    WEEK,
    call,
    days_before,
    summary,
    tally,
)

NAMES = st.sampled_from([f"arn:aws:iam::111122223333:user/user-{number}" for number in range(9)])
CALLS = st.lists(
    st.builds(
        call,
        st.integers(0, 34).map(lambda number: SUNDAY - timedelta(days=number)),
        st.sampled_from(["0.5", "7", "25"]),
        project=st.sampled_from([None, "search", "chat"]),
        identity_arn=NAMES,
        model_id=st.sampled_from([HAIKU_3, UNPRICED_MODEL]),
        error_code=st.sampled_from([None, None, None, "ThrottlingException"]),
    ),
    max_size=40,
)


def ranked(found: WeeklySummary, kind: NameKind) -> list[str]:
    return [usage.name for usage in found.rankings[kind].largest]


def new_names(found: WeeklySummary) -> dict[NameKind, list[str]]:
    assert found.new is not None
    return {kind: [usage.name for usage in names] for kind, names in found.new.items()}


def test_the_week_the_week_before_and_the_month_have_their_own_days() -> None:
    days = {
        SUNDAY: 1,
        MONDAY: 2,
        MONDAY - timedelta(days=1): 4,
        WEEK.before.first_day: 8,
        WEEK.before.first_day - timedelta(days=1): 16,
        WEEK.month: 32,
        WEEK.month - timedelta(days=1): 64,
    }
    found = summary(*(call(day, usd) for day, usd in days.items()))
    assert found.week.cost_usd == 1 + 2
    assert found.before.cost_usd == 4 + 8
    assert found.month.cost_usd == 1 + 2 + 4 + 8 + 16 + 32


def test_the_same_days_of_the_month_before_are_added_up_by_themselves() -> None:
    days = {
        SUNDAY: 1,
        date(2026, 10, 30): 2,  # after the 29th
        date(2026, 10, 29): 4,
        date(2026, 10, 1): 8,
        date(2026, 9, 30): 16,
    }
    calls = [call(day, usd) for day, usd in days.items()]
    found = summary(*calls, complete_from=date(2026, 9, 1))
    assert found.last_month is not None
    assert found.last_month.cost_usd == 4 + 8
    assert found.month.cost_usd == 1


def test_days_before_the_four_weeks_are_neither_usual_nor_known_names() -> None:
    day_before = LONG_AGO - timedelta(days=1)
    added = tally([call(day_before, identity_arn=BEN), call(LONG_AGO), call(MONDAY)])
    assert [usage.name for usage in added.get_names(NameKind.IDENTITY)] == [ANA]
    earlier = [call(day_before, identity_arn=BEN), call(LONG_AGO)]
    found = summary(*earlier, call(MONDAY, identity_arn=BEN))
    assert new_names(found)[NameKind.IDENTITY] == [BEN]


def test_a_month_that_began_in_the_week_has_no_earlier_days() -> None:
    added = WeeklyTally(ReportedWeek(date(2026, 11, 30)))
    for day in (date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 6)):
        added.add(call(day, 5))
    assert added.week.cost_usd == 15
    assert added.month.cost_usd == 10


def test_unpriced_calls_are_counted_by_reason_and_are_in_no_cost() -> None:
    found = summary(
        call(MONDAY, 2),
        call(MONDAY, model_id=UNPRICED_MODEL),
        call(WEEK.before.first_day, model_id=UNPRICED_MODEL),
    )
    assert found.unpriced == {Unpriced.NO_PRICE: 1}
    assert found.week.cost_usd == 2
    assert found.week.unpriced_invocations == 1
    assert found.before.cost_usd is None


def test_failed_calls_cost_nothing_and_are_counted_apart() -> None:
    found = summary(call(MONDAY, error_code="ThrottlingException"))
    assert (found.week.invocations, found.week.invocation_errors) == (0, 1)
    assert found.week.cost_usd is None
    assert ranked(found, NameKind.IDENTITY) == [ANA]


def test_the_names_that_cost_most_are_listed_and_the_rest_is_added_up() -> None:
    users = [f"arn:aws:iam::111122223333:user/{letter}" for letter in "abcdefg"]
    found = summary(*(call(MONDAY, usd, identity_arn=arn) for usd, arn in enumerate(users, 1)))
    ranking = found.rankings[NameKind.IDENTITY]
    assert ranked(found, NameKind.IDENTITY) == users[:1:-1]
    assert (len(ranking.largest), ranking.others) == (MAX_RANKED, 2)
    assert ranking.rest.cost_usd == 1 + 2


def test_names_without_calls_in_the_week_are_not_ranked() -> None:
    found = summary(call(MONDAY, identity_arn=BEN), call(WEEK.before.first_day, 9))
    assert ranked(found, NameKind.IDENTITY) == [BEN]


def test_sessions_of_machines_are_named_by_their_role() -> None:
    role = "arn:aws:sts::111122223333:assumed-role/batch"
    sessions = [f"{role}/i-0123456789abcdef{number}" for number in range(3)]
    found = summary(*(call(MONDAY, identity_arn=arn) for arn in sessions))
    assert ranked(found, NameKind.IDENTITY) == ["arn:aws:iam::111122223333:role/batch"]


def test_configured_patterns_name_machines_too() -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/batch/job-1"
    added = tally([call(MONDAY, identity_arn=arn)], roll_up=RoleRollUp(["job-.+"]))
    (usage,) = added.get_names(NameKind.IDENTITY)
    assert usage.name == "arn:aws:iam::111122223333:role/batch"


def test_an_identity_and_a_model_without_earlier_calls_are_new() -> None:
    found = summary(
        call(LONG_AGO),
        call(MONDAY),
        call(MONDAY, identity_arn=BEN, model_id=UNPRICED_MODEL),
    )
    assert new_names(found) == {NameKind.IDENTITY: [BEN], NameKind.MODEL: [UNPRICED_MODEL]}


def test_nothing_is_new_where_no_call_is_older_than_the_week() -> None:
    assert summary(call(MONDAY)).new is None
    cut_off = summary(call(LONG_AGO), call(MONDAY), complete_from=MONDAY)
    assert cut_off.new is None


def test_an_unusual_day_is_found_for_identity_project_and_model() -> None:
    earlier = [call(day, 20, project="search") for day in days_before(MONDAY, 28)]
    found = summary(*earlier, call(MONDAY, 100, project="search"))
    assert [(entry.kind, entry.name) for entry in found.anomalies] == [
        (NameKind.IDENTITY, ANA),
        (NameKind.PROJECT, "search"),
        (NameKind.MODEL, HAIKU_3),
    ]
    assert {entry.anomaly.excess_usd for entry in found.anomalies} == {80}


def test_a_new_identity_that_costs_much_is_unusual() -> None:
    found = summary(call(LONG_AGO), call(SUNDAY, 50, identity_arn=BEN))
    anomalies = {entry.name: entry.anomaly for entry in found.anomalies}
    assert anomalies[BEN].day == SUNDAY
    assert anomalies[BEN].usual_usd == 0


@pytest.mark.parametrize(
    ("first_day", "complete_from", "judged"),
    [
        (MONDAY - timedelta(days=14), LONG_AGO, [MONDAY, SUNDAY]),
        (MONDAY - timedelta(days=13), LONG_AGO, [SUNDAY]),
        (LONG_AGO, MONDAY - timedelta(days=13), [SUNDAY]),
        (MONDAY, LONG_AGO, []),
    ],
)
def test_a_day_is_judged_only_by_fourteen_days_that_the_ledger_has(
    first_day: date, complete_from: date, judged: list[date]
) -> None:
    calls = [call(first_day, 1), call(MONDAY, 50), call(SUNDAY, 500)]
    found = summary(*calls, complete_from=complete_from)
    days = {entry.anomaly.day for entry in found.anomalies}
    assert sorted(days) == judged


def test_names_past_a_limit_are_added_up_as_others() -> None:
    users = [f"arn:aws:iam::111122223333:user/{letter}" for letter in "abcde"]
    calls = [call(LONG_AGO), *(call(MONDAY, 1, identity_arn=arn) for arn in users)]
    added = tally(calls, max_names=3)
    usage = {usage.name: usage for usage in added.get_names(NameKind.IDENTITY)}
    assert set(usage) == {ANA, *users[:2], OTHER_NAMES}
    assert usage[OTHER_NAMES].week.cost_usd == 3
    found = summarize(added, complete_from=LONG_AGO)
    assert OTHER_NAMES not in new_names(found)[NameKind.IDENTITY]


def test_without_calls_there_is_a_summary_all_the_same() -> None:
    found = summary()
    assert (found.week.invocations, found.anomalies, found.new) == (0, [], None)


@given(CALLS, st.randoms(use_true_random=False))
def test_the_order_of_calls_does_not_matter(calls: list[EnrichedCall], random: Random) -> None:
    shuffled = sorted(calls, key=lambda _: random.random())
    assert summary(*calls) == summary(*shuffled)


@given(CALLS)
def test_figures_are_the_sums_of_the_calls(calls: list[EnrichedCall]) -> None:
    """Sums by another way: each call by itself."""
    found = summary(*calls)
    in_week = [made for made in calls if MONDAY <= made.record.timestamp.date() <= SUNDAY]
    succeeded = [made for made in in_week if not made.record.is_failed]
    usd = sum(
        (Decimal(made.record.tokens.output or 0) / 800_000)
        for made in succeeded
        if made.model_id == HAIKU_3
    )
    assert found.week.priced_usd == usd
    assert found.week.invocations == len(succeeded)
    assert sum(found.unpriced.values()) == found.week.unpriced_invocations
    for ranking in found.rankings.values():
        parts = [*(usage.week for usage in ranking.largest), ranking.rest]
        assert sum(part.priced_usd for part in parts) == usd
        assert sum(part.total_tokens for part in parts) == found.week.total_tokens
