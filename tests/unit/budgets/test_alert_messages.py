"""The message and the event of an alert say who, what, how much, and what happens next."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetStatus,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    HourPeriods,
    MonthPeriods,
    find_drivers,
    read_principal,
)
from lambdas.domain.budgets.budget_alerts import (
    find_crossings,
    join_details,
    make_alerts,
    write_alert_events,
    write_alert_notice,
    write_detail,
    write_joint_notice,
)
from lambdas.domain.budgets.descriptions import describe_period
from lambdas.domain.budgets.status import UsageDriver
from lambdas.domain.counters import UsageTotals
from lambdas.domain.events import EventType
from lambdas.domain.limits import LimitMode
from lambdas.domain.scope_field import ScopeField
from tests.builders import ANA, NOON
from tests.unit.budgets.builders import (
    DOLLAR,
    MONTHLY,
    budget,
    budgets,
    change,
    changes,
    stored,
    totals,
    usage,
)
from tests.unit.budgets.test_alerts import FixedForecast, status

URL = "https://console.example/dashboards/cost"
PAGE = Path(__file__).parents[3] / "docs" / "budget-alert.schema.json"
SCHEMA = Draft202012Validator(json.loads(PAGE.read_text(encoding="utf-8")))


def write(found: BudgetStatus) -> dict[str, Any]:
    return write_detail(found, find_crossings(found, NOON), NOON)


def test_several_crossings_are_one_message() -> None:
    found = status(
        82.5,
        drivers=find_drivers([change(60), change(22.5)], stored(budget()), MONTHLY.period_at(NOON)),
        forecast=FixedForecast(40 * DOLLAR, 0.93),
    )
    notice = write_alert_notice(write(found), URL)
    assert notice.subject == "Bedrock budget account: 80% reached"
    usage_of_period, drivers, following, references = notice.text.split("\n\n")
    assert usage_of_period.splitlines() == [
        "Budget account for the account, managed by platform",
        "Used: $82.50 of $100.00, 82.5%",
        "Evaluated: 2026-09-08 12:00, UTC",
        "Period: 2026-09-01 00:00 to 2026-10-01 00:00, UTC",
        "Reached: 50% ($50.00), 80% ($80.00)",
        "Forecast: 100% ($100.00)",
    ]
    assert drivers.splitlines() == [
        "Most used model: anthropic.claude-sonnet-4-20250514-v1:0, $82.50",
        "Most used project: chat, $82.50",
        f"Most used identity: {ANA}, $82.50",
    ]
    expected, exhausted, stops = following.splitlines()
    assert expected == (
        "Forecast for the end of the period: $122.50; 93% probability of more than $100.00"
    )
    assert exhausted == "At this rate the budget is used up at 2026-09-09 12:00, UTC"
    assert stops == (
        "Nothing is stopped: the budget only alerts. The next alert is at 100%."
        " The period ends at 2026-10-01 00:00, UTC."
    )
    first_id = f"account#1#2026-09-01#{50 * DOLLAR}#actual#50#"
    assert references.startswith(
        f"Dashboard: {URL}\n"
        "What to do: docs/runbooks/BudgetAlerts.md in the Bedrock Meter repository.\n"
        f"Alert ids: {first_id}, account#1#"
    )


def test_an_alert_has_the_time_at_which_forecasts_were_calibrated() -> None:
    for calibrated_at, written in ((None, None), (NOON, "2026-09-08T12:00:00Z")):
        detail = write(status(90, forecast=FixedForecast(DOLLAR, 0.9, calibrated_at)))
        assert detail["forecast"]["calibrated_at"] == written
        SCHEMA.validate(detail)
        del detail["forecast"]["calibrated_at"]  # as an earlier version stored it
        SCHEMA.validate(detail)


def test_a_forecast_alone_says_so_in_the_subject() -> None:
    notice = write_alert_notice(write(status(10, forecast=FixedForecast(DOLLAR, 0.9))), URL)
    assert notice.subject == "Bedrock budget account: 100% expected"


def test_the_value_of_a_default_budget_is_named() -> None:
    found = status(60, stored=stored(budget(per=BudgetSubject.IDENTITY)), value=ANA)
    notice = write_alert_notice(write(found), URL)
    assert f"for identity {ANA} (each identity of the account)" in notice.text
    assert (
        notice.subject == "Bedrock budget account: 50% reached (assumed-role/chat/ana@example.com)"
    )


def test_every_time_is_in_the_zone_of_the_budget() -> None:
    made = budget(periods=MonthPeriods("Asia/Kolkata"))
    found = status(
        90,
        stored=stored(made),
        period=made.periods.period_at(NOON),
        forecast=FixedForecast(40 * DOLLAR, 0.5),
        incomplete_since=NOON,
    )
    detail = write(found)
    text = write_alert_notice(detail, URL).text
    assert "Evaluated: 2026-09-08 17:30, Asia/Kolkata" in text
    assert "Usage since 2026-09-08 17:30, Asia/Kolkata may" in text
    assert "used up at 2026-09-09 17:30, Asia/Kolkata" in text
    assert "The period ends at 2026-10-01 00:00, Asia/Kolkata." in text
    del detail["period"]["time_zone"]  # as an earlier version stored it
    SCHEMA.validate(detail)
    assert "The period ends at 2026-09-30 18:30, UTC." in write_alert_notice(detail, URL).text


def test_unknown_drivers_are_said_to_be_unknown() -> None:
    detail = write(status(60))
    assert detail["drivers"] is None
    SCHEMA.validate(detail)
    text = write_alert_notice(detail, URL).text
    assert "The model, project and identity with the most usage are unknown." in text


def test_details_at_the_same_time_are_joined_to_one_with_drivers() -> None:
    drivers = find_drivers([change(60)], stored(budget()), MONTHLY.period_at(NOON))
    known, unknown = write(status(60, drivers=drivers)), write(status(60))
    for details in ([known, unknown], [unknown, known]):
        assert join_details(details)["drivers"] == known["drivers"]


def test_many_values_are_listed_by_their_usage_and_the_rest_counted() -> None:
    each = stored(budget(per=BudgetSubject.IDENTITY))
    details = [
        write(status(50 + number, stored=each, value=f"{ANA}-{number}")) for number in range(23)
    ]
    notice = write_joint_notice(details, URL)
    assert notice.subject == "Bedrock budget account: 23 identities"
    head, values, stops, reference = notice.text.split("\n\n")
    assert head.splitlines()[:2] == [
        "Budget account for each identity of the account, managed by platform",
        "Amount: $100.00",
    ]
    first, *_, last = values.splitlines()
    assert first == f"- {ANA}-22: $72.00, 72% (reached 50%)"
    assert last == "- and 3 more; EventBridge has an event of each"
    assert stops.startswith("Nothing is stopped: the budget only alerts. The period ends at ")
    assert reference.startswith(f"Dashboard: {URL}\nWhat to do: ")


def test_the_message_says_what_the_brake_does() -> None:
    detail = write(status(60, stored=stored(budget(brake=BrakeMode.DENY))))
    assert "it denies all Bedrock use of these callers" in write_alert_notice(detail, URL).text
    detail = write(status(60, stored=stored(budget(brake=BrakeMode.SHADOW))))
    assert "the brake only reports" in write_alert_notice(detail, URL).text


def test_an_alert_that_was_stored_before_there_was_a_brake_is_written() -> None:
    detail = write(status(60))
    del detail["budget"]["brake"], detail["budget"]["gateway"]
    assert "Nothing is stopped" in write_alert_notice(detail, URL).text


@pytest.mark.parametrize(
    ("brake", "gateway", "effect"),
    [
        (BrakeMode.NOTIFY, LimitMode.ENFORCE, "\nIf the gateway is deployed, it refuses calls"),
        (
            BrakeMode.NOTIFY,
            LimitMode.SHADOW,
            "Nothing is stopped: the gateway only reports what it would have refused.",
        ),
        (
            BrakeMode.SHADOW,
            LimitMode.SHADOW,
            (
                "Nothing is stopped: the brake only reports what it would have denied and the"
                " gateway only reports what it would have refused."
            ),
        ),
        (BrakeMode.DENY, LimitMode.ENFORCE, "ends. If the gateway is deployed, it refuses calls"),
        (BrakeMode.DENY, LimitMode.SHADOW, "\nIf the brake is switched on, it denies all"),
    ],
)
def test_the_message_says_what_the_gateway_does(
    brake: BrakeMode, gateway: LimitMode, effect: str
) -> None:
    detail = write(status(60, stored=stored(budget(brake=brake, gateway=gateway))))
    SCHEMA.validate(detail)
    assert effect in write_alert_notice(detail, URL).text


def test_doubts_about_figures_are_in_the_message() -> None:
    found = status(totals=usage(60, unpriced_calls=3), incomplete_since=NOON)
    text = write_alert_notice(write(found), URL).text
    assert "3 calls without a known price count at the budget's ceiling" in text
    assert "Usage since 2026-09-08 12:00, UTC may be incomplete." in text


def test_tokens_are_written_as_tokens() -> None:
    made = budget(amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1_000_000))
    found = status(stored=stored(made), totals=usage(total_tokens=600_000))
    assert (
        "Used: 600,000 tokens of 1,000,000 tokens, 60%"
        in write_alert_notice(write(found), URL).text
    )


def test_details_of_one_period_are_joined_with_the_latest_figures() -> None:
    first, second = status(50), status(85)
    alerts = make_alerts(first, find_crossings(first, NOON), NOON)
    alerts += make_alerts(second, find_crossings(second, NOON)[1:], NOON.replace(hour=13))
    joined = join_details([alert.detail for alert in alerts])
    assert [entry["percent"] for entry in joined["crossings"]] == ["50", "80"]
    assert joined["alert_ids"] == [alert.key.id for alert in alerts]
    assert joined["amount"]["used"] == "85"
    SCHEMA.validate(joined)


def test_names_that_steer_a_terminal_or_add_lines_are_made_printable() -> None:
    found = status(60, stored=stored(budget(per=BudgetSubject.PROJECT)), value="a\nUsed: \x1b[31m")
    lines = write_alert_notice(write(found), URL).text.splitlines()
    assert lines[0].count("\N{REPLACEMENT CHARACTER}") == 2
    assert lines[1].startswith("Used: $60.00")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("https://evil.example/login?reset=budget", "https[:]//evil[.]example/login?reset=budget"),
        ("HTTP://EVIL.EXAMPLE", "HTTP[:]//EVIL[.]EXAMPLE"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("evil.example/login", "evil[.]example/login"),
    ],
)
def test_names_that_callers_choose_are_no_links(name: str, shown: str) -> None:
    each = stored(budget(per=BudgetSubject.PROJECT))
    found = replace(
        status(60, stored=each, value=name), drivers=(UsageDriver(ScopeField.PROJECT, name, 5),)
    )
    for notice in (
        write_alert_notice(write(found), URL),
        write_joint_notice([write(found), write(found)], URL),
    ):
        assert name not in notice.text
        assert shown in notice.text
        assert f"Dashboard: {URL}" in notice.text


@pytest.mark.parametrize("name", [ANA, "anthropic.claude-3-haiku-20240307-v1:0", "team/chat"])
def test_names_that_are_no_addresses_stay_as_they_are(name: str) -> None:
    each = stored(budget(per=BudgetSubject.PROJECT))
    assert (
        f"project {name} ("
        in write_alert_notice(write(status(60, stored=each, value=name)), URL).text
    )


def test_an_hour_that_clocks_show_twice_is_described_with_its_difference_from_utc() -> None:
    hours = HourPeriods("Europe/Berlin")
    described = [
        describe_period(hours, hours.period_at(datetime(2026, 10, 25, hour, 5, tzinfo=UTC)))
        for hour in (0, 1, 2)
    ]
    assert described == [
        "2026-10-25 02:00+02:00 to 2026-10-25 02:00+01:00, Europe/Berlin",
        "2026-10-25 02:00+01:00 to 2026-10-25 03:00, Europe/Berlin",
        "2026-10-25 03:00 to 2026-10-25 04:00, Europe/Berlin",
    ]


@given(budgets, totals, st.lists(changes, max_size=3), st.floats(0, 1), st.none() | st.just(NOON))
def test_every_event_follows_the_schema_and_every_subject_fits(
    made: Budget, used: UsageTotals, found: list[Any], probability: float, since: Any
) -> None:
    entry = stored(made)
    period = made.periods.period_at(NOON)
    state = BudgetStatus(
        stored=entry,
        period=period,
        totals=used,
        drivers=find_drivers(found, entry, period),
        forecast=FixedForecast(made.amount.limit, probability),
        incomplete_since=since,
    )
    if find_crossings(state, NOON):
        detail = write(state)
        SCHEMA.validate(json.loads(json.dumps(detail)))
        notice = write_alert_notice(detail, URL)
        assert len(notice.subject) <= 100
        assert notice.subject.isascii()


def test_the_longest_name_fits_into_a_subject() -> None:
    thresholds = BudgetThresholds((Decimal("999.99"),), (Decimal("999.99"),))
    made = budget("a" * 64, amount=BudgetAmount.from_usd(Decimal(1)), thresholds=thresholds)
    for forecast, dollars in ((None, 1000), (FixedForecast(0, 1.0), 1)):
        found = status(dollars, stored=stored(made), forecast=forecast)
        assert 90 < len(write_alert_notice(write(found), URL).subject) <= 100


def test_each_threshold_is_an_event_whose_id_does_not_depend_on_the_others() -> None:
    found = status(82.5, forecast=FixedForecast(40 * DOLLAR, 0.93))
    joint = write(found)
    events = write_alert_events([joint], URL)
    assert [event.type for event in events] == [
        EventType.BUDGET_THRESHOLD_REACHED,
        EventType.BUDGET_THRESHOLD_REACHED,
        EventType.BUDGET_FORECAST_REACHED,
    ]
    for event, alert_id in zip(events, joint["alert_ids"], strict=True):
        SCHEMA.validate(event.detail)
        assert event.detail["alert_ids"] == [alert_id]
        assert (event.link, event.detail["dashboard_url"]) == (URL, URL)
    assert [event.title for event in events] == [
        "Bedrock budget account: 50% reached",
        "Bedrock budget account: 80% reached",
        "Bedrock budget account: 100% expected",
    ]
    alone = [
        write_alert_events([alert.detail], URL)[0].id
        for alert in make_alerts(found, find_crossings(found, NOON), NOON)
    ]
    assert alone == [event.id for event in events]


def test_an_event_has_the_scope_of_its_budget_and_the_value_of_a_default_budget() -> None:
    scope = budget(scope=BudgetScope(project=("chat-*", "search"), model=("anthropic.*",)))
    (event,) = write_alert_events([write(status(60, stored=stored(scope)))], URL)
    assert event.scope == {"project": ("chat-*", "search"), "model": ("anthropic.*",)}
    per_identity = stored(budget(per=BudgetSubject.IDENTITY))
    (event,) = write_alert_events([write(status(60, stored=per_identity, value=ANA))], URL)
    assert event.scope == {"identity": (ANA,), "principal": (read_principal(ANA),)}
    per_project = stored(budget(per=BudgetSubject.PROJECT, scope=BudgetScope(project=("*",))))
    detail = write(status(60, stored=per_project, value="chat"))
    (event,) = write_alert_events([detail], URL)
    assert event.scope == {"project": ("chat",)}
    del detail["budget"]["scope"]  # as an earlier version stored it
    SCHEMA.validate(detail)
    assert write_alert_events([detail], URL)[0].scope == {"project": ("chat",)}
