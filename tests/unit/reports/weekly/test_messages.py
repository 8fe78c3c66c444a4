"""The text of a summary, also with names that attack its reader."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.pricing import Cost, Unpriced
from lambdas.domain.reports.weekly import WeeklySummary, weekly_notice
from lambdas.domain.unlogged import BatchTokens, MantleTokens, ReportedBatchJob, UnloggedUsage
from tests.builders import ANA, BEN
from tests.unit.reports.weekly.weekly_calls import (
    LONG_AGO,
    MONDAY,
    SUNDAY,
    UNPRICED_MODEL,
    WEEK,
    call,
    days_before,
    summary,
)
from tests.unlogged import batch_job

EXAMPLE = Path(__file__).parents[3] / "fixtures" / "weekly-summary.txt"
PLACE = "111122223333 us-east-1"
DASHBOARD = "https://console.example.com/dashboards/usage"
OCTOBER = date(2026, 10, 1)
CLARA = "arn:aws:sts::111122223333:assumed-role/support/clara@example.com"
MAX_SUBJECT = 99  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_MESSAGE_BYTES = 256 * 1024


def text(found: WeeklySummary) -> str:
    return weekly_notice(found, DASHBOARD, PLACE).text


def subject(found: WeeklySummary) -> str:
    return weekly_notice(found, DASHBOARD, PLACE).subject


def line(found: WeeklySummary, start: str) -> str:
    (only,) = [line for line in text(found).splitlines() if line.startswith(start)]
    return only


def test_a_usual_week_reads_as_the_example() -> None:
    earlier = [call(day, 10, project="search") for day in days_before(MONDAY, 28)]
    october = [call(OCTOBER + timedelta(days=day), 12, project="search") for day in range(25)]
    week = [call(day, 10, project="search") for day in WEEK.days[:6]]
    batch = [
        call(MONDAY, usd, identity_arn=f"arn:aws:iam::111122223333:role/batch-{usd}", project="etl")
        for usd in range(1, 6)
    ]
    found = summary(
        *october,
        *earlier,
        *week,
        *batch,
        call(SUNDAY, 120, project="search"),
        call(SUNDAY, "0.0419", identity_arn=CLARA),
        call(MONDAY, identity_arn=BEN, model_id=UNPRICED_MODEL),
        call(MONDAY, identity_arn=BEN, error_code="ThrottlingException"),
        complete_from=OCTOBER,
    )
    notice = weekly_notice(found, DASHBOARD, PLACE)
    assert f"{notice.subject}\n\n{notice.text}\n" == EXAMPLE.read_text()


def test_a_week_without_calls_says_so() -> None:
    found = summary(call(WEEK.before.first_day, 5))
    assert subject(found) == f"Bedrock Meter: {PLACE}, no calls, 23 to 29 Nov 2026"
    assert "No calls. The week before: $5.00, 4,000,000 tokens." in text(found)
    assert line(found, "Month so far") == (
        "Month so far, 1 to 29 November 2026: $5.00 (1 to 29 October 2026: not metered in full)"
    )


def test_without_any_call_there_is_a_sign_of_life() -> None:
    said = text(summary())
    assert "No calls. The week before: no calls." in said
    assert f"Dashboard: {DASHBOARD}" in said
    assert "Unusual" not in said
    assert "New" not in said


@pytest.mark.parametrize(
    ("now", "then", "compared"),
    [
        (15, 10, "50% more than the week before: $10.00"),
        (9, 10, "10% less than the week before: $10.00"),
        (10, 10, "as in the week before: $10.00"),
        (5000, 1, "499,900% more than the week before: $1.00"),
        (1004, 1000, "0.4% more than the week before: $1,000.00"),
        (999_999, 10**6, "less than 0.1% less than the week before: $1,000,000.00"),
        (5, 0, "the week before: $0"),
    ],
)
def test_the_cost_is_compared_with_the_week_before(now: int, then: int, compared: str) -> None:
    found = summary(call(MONDAY, now), call(WEEK.before.first_day, then))
    assert line(found, "Cost:") == f"Cost: ${now:,}.00 ({compared})"


def month_line(*calls: EnrichedCall, complete_from: date = OCTOBER) -> str:
    return line(summary(*calls, complete_from=complete_from), "Month so far").partition(": ")[2]


def test_the_month_so_far_is_compared_with_the_same_days_of_last_month() -> None:
    october = [call(OCTOBER, 4), call(date(2026, 10, 29), 4), call(date(2026, 10, 30), 100)]
    assert (
        month_line(*october, call(MONDAY, 10))
        == "$10.00 (25% more than 1 to 29 October 2026: $8.00)"
    )
    assert (
        month_line(*october, call(MONDAY, 6)) == "$6.00 (25% less than 1 to 29 October 2026: $8.00)"
    )
    assert month_line(*october, call(MONDAY, 8)) == "$8.00 (as in 1 to 29 October 2026: $8.00)"
    assert month_line(*october) == "no calls (1 to 29 October 2026: $8.00)"


def test_the_month_so_far_is_not_compared_with_a_month_that_is_not_metered_in_full() -> None:
    not_in_full = "$10.00 (1 to 29 October 2026: not metered in full)"
    late, early = call(date(2026, 10, 20), 4), call(OCTOBER, 4)
    assert month_line(late, call(MONDAY, 10)) == not_in_full
    assert month_line(call(MONDAY, 10)) == not_in_full
    kept_from = OCTOBER + timedelta(days=1)
    assert month_line(early, call(MONDAY, 10), complete_from=kept_from) == not_in_full


def test_a_month_may_begin_with_a_weekend_without_calls() -> None:
    compared = "$10.00 (150% more than 1 to 29 October 2026: $4.00)"
    assert month_line(call(OCTOBER + timedelta(days=3), 4), call(MONDAY, 10)) == compared


def test_an_unknown_cost_is_not_compared() -> None:
    unpriced = call(WEEK.before.first_day, model_id=UNPRICED_MODEL)
    assert line(summary(call(MONDAY, 2), unpriced), "Cost:") == (
        "Cost: $2.00 (the week before: unpriced)"
    )
    only_unpriced = summary(call(MONDAY, model_id=UNPRICED_MODEL), call(WEEK.before.first_day, 2))
    assert line(only_unpriced, "Cost:") == "Cost: unpriced (the week before: $2.00)"
    assert subject(only_unpriced) == f"Bedrock Meter: {PLACE}, unpriced, 23 to 29 Nov 2026"
    assert line(summary(call(MONDAY, 2)), "Cost:") == "Cost: $2.00 (the week before: no calls)"


def test_unpriced_calls_are_named_with_their_reasons_beside_the_cost() -> None:
    unpriced = [call(MONDAY, model_id=UNPRICED_MODEL), call(MONDAY, service_tier="flex")]
    found = summary(call(MONDAY, 2), *unpriced)
    assert line(found, "Cost:") == "Cost: $2.00 and 2 unpriced calls (the week before: no calls)"
    assert line(found, "Not in the cost") == (
        "Not in the cost: 2 unpriced calls (1: no price is known for the model; 1: no price of the"
        " service tier is known)."
    )


def test_assumed_prices_are_marked_and_added_up() -> None:
    found = summary(call(MONDAY, 2), call(MONDAY, 3, region="eu-west-1"))
    assert line(found, "Cost:").startswith("Cost: ~$5.00 (")
    assert line(found, "At assumed") == "At assumed prices (~): 1 call, $3.00."


def test_items_that_cannot_be_read_are_counted() -> None:
    found = summary(unreadable_items=2)
    assert "Not counted: 2 items of the ledger that cannot be read as calls." in text(found)


def test_usage_outside_the_logs_is_named_apart() -> None:
    cost = call(MONDAY, 3).cost
    assert isinstance(cost, Cost)
    jobs = [
        ReportedBatchJob(batch_job("priced"), BatchTokens(0, 2_400_000), cost),
        ReportedBatchJob(batch_job("unread"), None, Unpriced.NO_COUNTS),
    ]
    mantle = (MantleTokens("search", "gpt-oss", 1_000, 234), MantleTokens("etl", "qwen", None, 1))
    unlogged = UnloggedUsage(mantle, tuple(jobs), ("batch jobs cannot be listed: AccessDenied",))
    said = text(summary(call(MONDAY, 2), unlogged=unlogged))
    assert (
        "Not included above (not in the logs): 2 batch jobs, $3.00, 1 of them unpriced.\n"
        "Not included above (not in the logs): 1,235 tokens through bedrock-mantle, unpriced.\n"
        "Usage that is not in the logs could not be read: batch jobs cannot be listed: AccessDenied"
        "\n"
    ) in said
    assert line(summary(call(MONDAY, 2), unlogged=unlogged), "Cost:").startswith("Cost: $2.00 (")


def test_batch_jobs_without_any_known_cost_are_unpriced() -> None:
    job = ReportedBatchJob(batch_job(), None, Unpriced.NO_COUNTS)
    unlogged = UnloggedUsage(batch_jobs=(job,))
    assert "(not in the logs): 1 batch job, unpriced.\n" in text(summary(unlogged=unlogged))


def test_figures_from_before_the_retention_are_called_incomplete() -> None:
    whole = min(WEEK.month, WEEK.before.first_day)
    assert "incomplete" not in text(summary(complete_from=whole))
    cut_off = text(summary(complete_from=whole + timedelta(days=1)))
    assert "The ledger keeps calls from 2 November 2026 on" in cut_off


def test_days_that_cannot_be_judged_are_named() -> None:
    assert line(summary(call(MONDAY)), "Unusual") == (
        "Unusual days are not evaluated before 7 December 2026, when there are 14 days to compare"
        " with."
    )
    partly = summary(call(MONDAY - timedelta(days=12)), call(MONDAY))
    assert line(partly, "Unusual") == "Unusual days since 25 November 2026: none."
    assert line(summary(call(LONG_AGO), call(MONDAY)), "Unusual") == "Unusual days: none."


def test_an_idle_account_that_suddenly_spends_is_reported() -> None:
    """Days without calls cost $0 from the day on which the ledger was created."""
    wednesday = MONDAY + timedelta(days=2)
    for earlier in ([], [call(MONDAY - timedelta(days=10), 1)]):
        found = summary(*earlier, call(wednesday, 5000), created_on=date(2025, 12, 1))
        assert line(found, "- Wednesday").endswith(
            "$5,000.00, which is $5,000.00 above the median of $0"
        )
        said = text(found)
        assert "\nUnusual days (more than" in said
        assert "evaluated" not in said
    only = text(summary(call(wednesday, 5000), created_on=date(2025, 12, 1)))
    assert "\nNew identities, without a call in the 28 days before:\n- role/chat/ana" in only


def test_a_month_without_calls_was_metered_if_the_ledger_is_older() -> None:
    found = summary(call(MONDAY, 10), complete_from=OCTOBER, created_on=OCTOBER)
    assert line(found, "Month so far").endswith("$10.00 (1 to 29 October 2026: no calls)")


def test_one_event_is_one_unusual_day() -> None:
    earlier = [call(day, 10, project="search") for day in days_before(MONDAY, 28)]
    event = call(SUNDAY, 120, project="search")
    assert line(summary(*earlier, event), "- ") == (
        "- Sunday 29 November 2026, identity role/chat/ana@example.com, project search, model"
        " claude-3-haiku: $120.00, which is $110.00 above the median of $10.00"
    )
    beside = [call(SUNDAY, 2, identity_arn=BEN), call(SUNDAY, 60, identity_arn=CLARA)]
    _, _, listed = text(summary(*earlier, event, *beside)).partition("Unusual days")
    days = [row for row in listed.splitlines() if row.startswith("- Sunday")]
    assert [row.count(name) for row in days for name in ("identity", "project", "model")] == [
        *(0, 0, 1),  # the model's day has all three
        *(1, 1, 0),
        *(1, 1, 0),  # Ben and Clara share no project
    ]


def test_identities_of_other_accounts_are_shown_with_their_account() -> None:
    other = "arn:aws:iam::999988887777:role/batch"
    found = summary(call(MONDAY, 2, identity_arn=other), call(MONDAY, 1, identity_arn=ANA))
    assert line(found, "1. 9999").startswith("1. 999988887777 role/batch: $2.00 (")
    assert line(found, "2. role/").startswith("2. role/chat/ana@example.com: $1.00 (")


def test_new_names_are_unknown_without_earlier_calls() -> None:
    assert line(summary(call(MONDAY)), "New") == (
        "New identities and models: unknown: nothing was metered before this week."
    )


def test_five_new_names_are_listed_and_the_others_counted() -> None:
    users = [f"arn:aws:iam::111122223333:user/{letter}" for letter in "abcdefg"]
    found = summary(
        call(LONG_AGO), *(call(MONDAY, usd, identity_arn=arn) for usd, arn in enumerate(users, 1))
    )
    _, _, listed = text(found).partition("New identities, without a call in the 28 days before:\n")
    assert listed.splitlines()[:7] == [
        "- user/g: $7.00",
        "- user/f: $6.00",
        "- user/e: $5.00",
        "- user/d: $4.00",
        "- user/c: $3.00",
        "- and 2 more",
        "New models, without a call in the 28 days before: none.",
    ]


def test_five_unusual_days_are_listed_and_the_others_counted() -> None:
    calls = [call(day, 100, project="etl") for day in WEEK.days]
    said = text(summary(call(LONG_AGO), *calls))
    assert said.count("above the median of $0") == 5
    assert "\n- and 2 more\n" in said


@pytest.mark.parametrize(
    ("first", "days"),
    [
        (date(2026, 11, 30), "30 Nov to 6 Dec 2026"),
        (date(2026, 12, 28), "28 Dec 2026 to 3 Jan 2027"),
    ],
)
def test_days_name_month_and_year_where_they_change(first: date, days: str) -> None:
    found = summary()
    moved = found._replace(reported=type(found.reported)(first))
    assert subject(moved) == f"Bedrock Meter: {PLACE}, no calls, {days}"


def test_a_month_of_one_day_is_one_date() -> None:
    found = summary()
    moved = found._replace(reported=type(found.reported)(date(2026, 10, 26)))
    assert "Month so far, 1 November 2026: no calls (" in text(moved)


@given(st.text(max_size=3000), st.text(max_size=3000), st.text(max_size=3000))
def test_names_that_callers_choose_add_no_line_and_stay_short(
    identity: str, project: str, model: str
) -> None:
    plain = summary(call(LONG_AGO), call(MONDAY, 50, identity_arn=BEN, project="search"))
    hostile = summary(
        call(LONG_AGO),
        call(MONDAY, 50, identity_arn=identity, project=project),
        call(MONDAY, 50, model_id=model, invoked_model_id=model),
    )
    notice = weekly_notice(hostile, DASHBOARD, PLACE)
    assert all(written.isprintable() for written in notice.text.split("\n"))
    assert notice.text.count("\n") <= text(plain).count("\n") + 8
    assert len(notice.text.encode()) < MAX_MESSAGE_BYTES
    assert len(notice.subject) <= MAX_SUBJECT
    assert notice.subject.isascii()


def test_names_that_callers_choose_are_no_links() -> None:
    name = "https://evil.example/login"
    made = summary(call(LONG_AGO), call(MONDAY, 50, project=name))
    written = text(made)
    assert name not in written
    assert "https[:]//evil[.]example/login" in written


def test_the_longest_names_fit_into_a_message_of_sns() -> None:
    names = [f"{letter * 2000}" for letter in "abcdefgh"]
    calls = [
        call(day, 10**6, identity_arn=name, project=name, model_id=name)
        for name in names
        for day in WEEK.days
    ]
    notice = weekly_notice(summary(call(LONG_AGO), *calls), DASHBOARD, PLACE)
    assert len(notice.text.encode()) < MAX_MESSAGE_BYTES // 10


def test_the_subject_fits_at_any_cost() -> None:
    unpriced = [call(MONDAY, model_id=UNPRICED_MODEL) for _ in range(3)]
    found = summary(call(MONDAY, 10**9, region="eu-west-1"), *unpriced)
    moved = found._replace(reported=type(found.reported)(date(2030, 12, 30)))
    assert len(subject(moved)) <= MAX_SUBJECT
    far = weekly_notice(moved, DASHBOARD, "111122223333 ap-southeast-1").subject
    assert far == "Bedrock Meter: 111122223333 ap-southeast-1, week 2031-W01"


def test_identities_of_the_account_are_shown_by_name() -> None:
    found = summary(call(MONDAY, Decimal("1.5"), identity_arn=ANA))
    shown = "role/chat/ana@example.com"
    assert line(found, "1. role") == f"1. {shown}: $1.50 (no calls), 1,200,000 tokens"


def test_names_are_short_and_differ() -> None:
    dates = ("20240620-v1:0", "20241022-v2:0")
    first, second = (f"anthropic.claude-3-5-sonnet-{each}" for each in dates)
    users = [f"arn:aws:iam::111122223333:user/{path}/bob" for path in ("sales", "support")]
    found = summary(
        *(call(MONDAY, usd, model_id=model) for usd, model in ((3, first), (2, second))),
        *(call(MONDAY, identity_arn=user) for user in users),
    )
    shown = text(found)
    for name in (first, second, *users):
        assert f". {name}: " in shown
    assert ". claude-3-haiku: $2.00" in shown


def test_a_summary_is_an_event_with_the_figures_of_the_week() -> None:
    found = summary(
        call(MONDAY, "1.5", project="search"),
        call(MONDAY, identity_arn=BEN, model_id=UNPRICED_MODEL),
        call(MONDAY, identity_arn=BEN, error_code="ThrottlingException"),
    )
    (event,) = weekly_notice(found, DASHBOARD, PLACE).events
    assert (event.type, event.at, event.link) == ("summary.weekly", WEEK.end, DASHBOARD)
    usage = event.detail["usage"]
    assert (usage["calls"], usage["failed_calls"], usage["unpriced_calls"]) == (2, 1, 1)
    assert usage["cost_usd"] == "1.5"
    assert event.detail["usage_before"]["cost_usd"] is None
    largest = event.detail["largest"]["identity"]
    assert [entry["name"] for entry in largest] == [ANA, BEN]
    (again,) = weekly_notice(summary(), DASHBOARD, PLACE).events
    assert again.id == event.id  # the week decides


def test_names_in_an_event_are_cut() -> None:
    long = f"{ANA}{'x' * 1000}"
    (event,) = weekly_notice(summary(call(MONDAY, 1, identity_arn=long)), DASHBOARD, PLACE).events
    assert len(event.detail["largest"]["identity"][0]["name"]) < 330
