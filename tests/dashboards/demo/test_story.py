"""The story of `make demo` names units, windows, dates and dollars."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from cdk.alarms.thresholds import alarm_thresholds
from cdk.config import Config
from cdk.operations.terminal import CommandError
from dashboards.demo.company import NEW_MODEL, new_model_logs
from dashboards.demo.measured_sums import check_sums
from dashboards.demo.plain_sums import LIST_PRICES, PlainSums, get_identity, sum_calls
from dashboards.demo.story import (
    describe_alarm,
    describe_brake,
    describe_budget,
    describe_drift,
    describe_failures,
    describe_unpriced,
    list_projects,
    spending_table,
    write_event,
)
from lambdas.domain.brake import report_denied, write_brake_notice
from lambdas.domain.budgets.budget_alerts import (
    find_crossings,
    write_alert_notice,
    write_detail,
)
from lambdas.domain.logging_configuration import Drift, LoggingChange, Subject, watch_notice
from tests.unit.brake.builders import ANA_SESSION, MIDNIGHT, cause, deny
from tests.unit.budgets.builders import DOLLAR
from tests.unit.budgets.test_alerts import FixedForecast, status

NOON = datetime(2026, 9, 8, 12, 5, tzinfo=UTC)
THRESHOLDS = {threshold.alarm_name: threshold for threshold in alarm_thresholds(Config())}
ANA = "arn:aws:iam::111122223333:user/ana"
BEN = "arn:aws:iam::111122223333:user/ben"
SUMS = {
    ANA: PlainSums(10, 1, 4_000, 5_000, Decimal("0.0419")),
    BEN: PlainSums(20, 5, 40_000, 50_000, Decimal("1234.5")),
}


def alarm(name: str, reason: str, description: str = "") -> dict[str, str]:
    message = {"AlarmName": name, "NewStateReason": reason, "AlarmDescription": description}
    return {"Subject": f'ALARM: "{name}"', "Message": json.dumps(message)}


def test_an_alarm_of_tokens_names_who_how_much_and_in_which_window() -> None:
    name = "BedrockMeter-EveryIdentity-Hour-Warning"
    notification = alarm(name, f"{ANA}: 1,043,033, and the threshold is 1,000,000.")
    assert write_event(describe_alarm(notification, THRESHOLDS, NOON)).plain == (
        "2026-09-08 12:05 UTC  BedrockMeter-EveryIdentity-Hour-Warning        111122223333"
        " user/ana: 1,043,033 quota tokens within one hour, over the warning threshold of 1,000,000"
    )


def test_an_alarm_of_cost_names_dollars() -> None:
    name = "BedrockMeter-Account-Cost-Hour-Warning"
    notification = alarm(name, "EstimatedCostUSD: 50.25, and the threshold is 50.")
    why = describe_alarm(notification, THRESHOLDS, NOON).why
    assert why == "the account: $50.25 within one hour, over the warning threshold of $50.00"


def test_a_notice_of_the_brake_names_who_is_denied_until_when_and_for_what() -> None:
    denied = deny(target=ANA_SESSION, causes=(cause(used=12 * DOLLAR),))
    notice = write_brake_notice(report_denied(denied, NOON).detail)
    event = describe_brake({"Subject": notice.subject, "Message": notice.text}, NOON)
    assert event.name == "Bedrock brake, daily: denied"
    assert event.why == (
        f"111122223333 role/chat/ana@example.com until {MIDNIGHT:%Y-%m-%d %H:%M} UTC: $12.00 of"
        " $10.00 used, 120%"
    )


def test_another_text_of_the_brake_is_shown_as_it_is() -> None:
    event = describe_brake({"Subject": "Bedrock brake, daily: denied", "Message": "Denied."}, NOON)
    assert event.why == "Denied."


def budget_alert(forecast: FixedForecast | None) -> dict[str, str]:
    found = status(82.5, forecast=forecast)
    detail = write_detail(found, find_crossings(found, NOON), NOON)
    notice = write_alert_notice(detail, "https://console.example/dashboards/cost")
    return {"Subject": notice.subject, "Message": notice.text}


def test_an_alert_of_a_budget_names_its_threshold_amounts_and_forecast() -> None:
    alert = budget_alert(FixedForecast(40 * DOLLAR, 0.93))
    event = describe_budget(alert, NOON)
    assert event.at == NOON
    assert event.name == "Bedrock budget account: 80% reached"
    assert event.why == (
        "$82.50 of $100.00 used, 82.5%; forecast for the end of the period: $122.50, with a 93%"
        " probability of more than $100.00"
    )


def test_an_alert_without_a_forecast_names_none() -> None:
    event = describe_budget(budget_alert(None), NOON)
    assert event.why == "$82.50 of $100.00 used, 82.5%"


def test_a_health_alarm_is_described_by_its_first_sentence() -> None:
    notification = alarm("BedrockMeter-Health-X", "m: 1, and", "Calls are lost. First look. Then.")
    assert describe_alarm(notification, THRESHOLDS, NOON).why == "Calls are lost."


def test_a_change_is_described_by_what_differs_and_by_its_author() -> None:
    drift = Drift(Subject.CONFIGURATION, "Bedrock's invocation logging is off")
    change = LoggingChange.from_event(
        {
            "eventID": "1",
            "eventTime": "2026-09-08T12:05:00Z",
            "eventName": "DeleteModelInvocationLoggingConfiguration",
            "userIdentity": {"arn": BEN},
        }
    )
    notice = watch_notice([drift], change, is_resolved=False)
    event = describe_drift({"Subject": notice.subject, "Message": notice.text}, NOON)
    assert event.name == "Bedrock Meter: invocation logging was changed"
    assert event.why == ("Bedrock's invocation logging is off; changed by 111122223333 user/ben")


def test_identities_have_dollars_and_a_total_and_the_most_expensive_is_first() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(spending_table(SUMS))
    heading, *rows = (line.split() for line in capture.get().splitlines())
    assert heading == ["Identity", "Calls", "Failed", "Total", "tokens", "Cost"]
    assert [row[-5:] for row in rows] == [
        ["user/ben", "20", "5", "40,000", "$1,234.50"],
        ["user/ana", "10", "1", "4,000", "$0.04"],
        ["Total", "30", "6", "44,000", "$1,234.54"],
    ]
    assert list_projects({"b": SUMS[ANA], "a": SUMS[BEN]}) == "a $1,234.50, b $0.04"


def test_failed_and_unpriced_calls_are_counted() -> None:
    expected = "6 failed calls, counted separately, 5 of them by 111122223333 user/ben"
    assert describe_failures(SUMS) == expected
    assert describe_unpriced({NEW_MODEL: 3.0}).startswith(f"3 calls of {NEW_MODEL}, which has no")


def test_calls_of_a_new_model_have_tokens_and_no_cost() -> None:
    logs = list(new_model_logs())
    assert {log["modelId"] for log in logs} == {NEW_MODEL}
    assert NEW_MODEL not in LIST_PRICES
    (sums,) = sum_calls(logs, get_identity).values()
    assert sums.calls == 3
    assert sums.total_tokens > 0
    assert sums.cost_usd == 0


@pytest.mark.parametrize(
    "found",
    [
        {ANA: SUMS[ANA]},
        {**SUMS, "arn:aws:iam::111122223333:user/cem": SUMS[ANA]},
        {**SUMS, ANA: SUMS[ANA]._replace(calls=11)},
        {**SUMS, ANA: SUMS[ANA]._replace(cost_usd=Decimal("0.0421"))},
    ],
    ids=["missing", "more", "tokens", "cost"],
)
def test_figures_that_differ_from_the_logs_end_the_demo(found: dict[str, PlainSums]) -> None:
    check_sums(SUMS, SUMS)
    with pytest.raises(CommandError, match="by the metrics, and"):
        check_sums(found, SUMS)
