"""Alarms of the meter are events with what they watch; those of others are none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.alarms import (
    AlarmState,
    InvalidAlarmError,
    read_alarm_change,
    write_alarm_event,
)
from lambdas.domain.events import EventType, MeterEvent
from tests.alarm_changes import GROUPED, alarm_change, crossed, metric, series_change
from tests.builders import ANA, HAIKU_3, NOON

ROLE = "arn:aws:iam::111122223333:role/chat"
HEALTH = "BedrockMeter-Health-"


def write(change: dict[str, Any]) -> MeterEvent | None:
    return write_alarm_event(read_alarm_change(change))


def write_some(change: dict[str, Any]) -> MeterEvent:
    event = write(change)
    assert event is not None
    return event


def test_a_usage_alarm_says_how_much_of_what_in_which_time() -> None:
    event = write_some(alarm_change("BedrockMeter-Account-Day-Critical"))
    assert event.type is EventType.USAGE_THRESHOLD_REACHED
    assert event.title == "Bedrock usage of the account: 1,000,000 QuotaTokens in a day reached"
    assert (event.scope, event.link) == ({}, "https://console.aws.amazon.com/health")
    assert event.at == NOON + timedelta(milliseconds=989)
    detail = event.detail
    assert (detail["severity"], detail["window"], detail["check"]) == ("critical", "day", None)
    assert (detail["metric"], detail["threshold"]) == ("QuotaTokens", "1000000")
    assert event.text.endswith(crossed())


def test_whoever_puts_an_alarm_puts_no_link_but_one_to_the_console() -> None:
    change = alarm_change(
        "BedrockMeter-Urgent-Hour-Critical", reason="Sign in: https://evil.example/"
    )
    console = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/x"
    for link, expected in (
        ("https://evil.example/login", None),
        ("https://console.aws.amazon.com.evil.example/", None),
        ("https://evil.example/console.aws.amazon.com/", None),
        ("https://user@console.aws.amazon.com/", None),
        ("(https://www.evil.example)", None),
        (console, console),
    ):
        change["detail"]["configuration"]["description"] = f"Pay at {link} Runbook: x.md"
        event = write_some(change)
        assert event.link == expected
        assert (link in event.text) is (expected is not None)
        for text in (event.text, event.detail["reason"]):
            assert "https://evil" not in text
        assert "Sign in: https[:]//evil[.]example/" in event.text


@pytest.mark.parametrize("partition", ["aws.amazon.com", "amazonaws-us-gov.com", "amazonaws.cn"])
def test_consoles_of_all_partitions_are_links(partition: str) -> None:
    change = alarm_change("BedrockMeter-Health-NoData")
    link = f"https://console.{partition}/cloudwatch/home"
    change["detail"]["configuration"]["description"] = f"Dashboard: {link}"
    assert write_some(change).link == link


@pytest.mark.parametrize(
    ("dimensions", "scope"),
    [
        ({"IdentityArn": ROLE}, {"identity": (ROLE,), "principal": (ROLE,)}),
        ({"ModelId": HAIKU_3}, {"model": (HAIKU_3,)}),
        ({"IdentityArn": "unknown"}, {"identity": ("unknown",), "principal": ("unknown",)}),
    ],
)
def test_an_alarm_of_one_name_has_it_in_its_scope(
    dimensions: dict[str, str], scope: dict[str, tuple[str, ...]]
) -> None:
    watched = [metric(**dimensions)]
    event = write_some(
        alarm_change("BedrockMeter-Model-haiku-1a2b3c-Hour-Warning", metrics=watched)
    )
    assert event.scope == scope
    assert event.detail["dimensions"] == dimensions


def test_each_identity_of_an_alarm_on_all_has_an_event_of_its_own() -> None:
    event = write_some(series_change({"IdentityArn": ANA}))
    assert event.type is EventType.USAGE_THRESHOLD_REACHED
    assert event.scope["identity"] == (ANA,)
    assert ANA in event.title
    assert (event.detail["metric"], event.detail["threshold"]) == ("QuotaTokens", "1000000")
    ended = write_some(series_change({"IdentityArn": ANA}, "OK"))
    assert ended.type is EventType.USAGE_THRESHOLD_CLEARED
    assert ended.id != event.id
    whole = alarm_change("BedrockMeter-EveryIdentity-Hour-Warning", metrics=GROUPED)
    assert write(whole) is None


@pytest.mark.parametrize("text", ["1.0E7", "10000000.0", "1.0E7) and threshold (2.0"])
def test_a_threshold_is_written_digit_by_digit(text: str) -> None:
    event = write_some(alarm_change("BedrockMeter-Account-Day-Critical", reason=crossed(text)))
    assert event.detail["threshold"] == "10000000"


@pytest.mark.parametrize("reason", ["", "threshold (..)", "threshold (1.0E999", "INSUFFICIENT"])
def test_a_threshold_that_is_not_named_is_not_known(reason: str) -> None:
    event = write_some(alarm_change("BedrockMeter-Account-Day-Critical", reason=reason))
    assert event.detail["threshold"] is None
    title = "Bedrock usage of the account: the critical threshold for a day reached"
    assert event.title == title


def test_a_threshold_of_cost_is_in_dollars() -> None:
    watched = [metric("EstimatedCostUSD")]
    name = "BedrockMeter-Account-Cost-Hour-Warning"
    for text, amount in (("50.0", "$50"), ("0.5", "$0.5"), ("1.0E7", "$10,000,000")):
        change = alarm_change(name, metrics=watched, reason=crossed(text))
        title = f"Bedrock usage of the account: {amount} in an hour reached"
        assert write_some(change).title == title


@pytest.mark.parametrize(
    ("check", "event_type"),
    [
        ("LogProcessorErrors", EventType.HEALTH_ALARM),
        ("UsageMismatch", EventType.HEALTH_ALARM),
        ("HeldPrices", EventType.PRICES_HELD),
        ("TamperedCalls", EventType.TAMPERING_DETECTED),
        ("AuditProblems", EventType.TAMPERING_DETECTED),
        ("ConflictingDuplicates", EventType.TAMPERING_DETECTED),
        ("ForgedSeries", EventType.TAMPERING_DETECTED),
        ("NegativeMetrics", EventType.TAMPERING_DETECTED),
    ],
)
def test_a_health_alarm_names_its_check_and_ends(check: str, event_type: EventType) -> None:
    reached = write_some(alarm_change(f"{HEALTH}{check}"))
    assert (reached.type, reached.title) == (event_type, f"Bedrock Meter: {check} is in ALARM")
    assert reached.detail["check"] == check
    ended = write_some(alarm_change(f"{HEALTH}{check}", "OK", "ALARM"))
    assert ended.type is EventType.HEALTH_RECOVERED
    assert ended.title == f"Bedrock Meter: {check} is OK again"


@pytest.mark.parametrize(
    "name", ["BedrockMeter-Account-Anomaly", "BedrockMeter-Account-CostAnomaly"]
)
def test_unusual_usage_has_a_type_of_its_own(name: str) -> None:
    band = {"id": "ad1", "expression": "ANOMALY_DETECTION_BAND(m1, 3)", "returnData": True}
    reason = "Thresholds Crossed: [9.0] was greater than the upper thresholds [3.0]"
    event = write_some(alarm_change(name, metrics=[metric(), band], reason=reason))
    assert event.type is EventType.USAGE_ANOMALY
    assert (event.detail["metric"], event.detail["threshold"]) == ("QuotaTokens", None)
    assert write_some(alarm_change(name, "OK", "ALARM")).type is EventType.USAGE_THRESHOLD_CLEARED


@pytest.mark.parametrize(
    ("state", "previous"),
    [("OK", "INSUFFICIENT_DATA"), ("OK", "OK"), ("INSUFFICIENT_DATA", "ALARM")],
)
def test_the_end_of_missing_data_is_no_recovery(state: str, previous: str) -> None:
    for name in (f"{HEALTH}NoData", "BedrockMeter-Account-Day-Critical"):
        assert write(alarm_change(name, state, previous)) is None


def test_an_alarm_that_begins_with_missing_data_is_an_event() -> None:
    event = write_some(alarm_change(f"{HEALTH}NoData", "ALARM", "INSUFFICIENT_DATA"))
    assert event.type is EventType.HEALTH_ALARM


@pytest.mark.parametrize("check", ["OverflowingCalls", "UnpricedCalls", "UnpricedModels"])
def test_an_alarm_that_ends_after_a_fixed_time_has_not_recovered(check: str) -> None:
    assert write(alarm_change(f"{HEALTH}{check}", "OK", "ALARM")) is None
    assert write(alarm_change(f"{HEALTH}{check}")) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("ServerCpuTooHigh", "BedrockMeterTwo-Health-NoData", "BedrockMeter-Mine"),
        *("xBedrockMeter-Account-Day-Critical", "BedrockMeter-Account-Day-Criticality"),
    ],
)
def test_alarms_of_others_are_no_events(name: str) -> None:
    assert write(alarm_change(name)) is None


def test_a_change_that_is_delivered_twice_has_one_id_and_the_next_one_another() -> None:
    change, later = (alarm_change(f"{HEALTH}NoData", at=at) for at in (NOON, NOON + timedelta(1)))
    assert write_some(change).id == write_some({**change, "id": "another"}).id
    assert write_some(change).id != write_some(later).id
    one, other = (write_some(series_change({"ModelId": HAIKU_3})) for _ in range(2))
    assert one.id == other.id


def test_a_muted_alarm_says_so() -> None:
    assert not write_some(alarm_change(f"{HEALTH}NoData")).detail["is_muted"]
    muted = alarm_change(f"{HEALTH}NoData", muteDetail={"mutedByArn": "arn:aws:cloudwatch:x"})
    assert write_some(muted).detail["is_muted"]


def test_names_of_callers_are_shown_as_text() -> None:
    event = write_some(series_change({"IdentityArn": "https://evil.example/\x1b[2J" + "x" * 1000}))
    assert "https[:]//evil[.]example" in event.title
    assert event.title.isprintable()
    assert len(event.title) < 400


def test_the_time_of_an_event_without_a_time_of_the_state_is_its_own() -> None:
    change = alarm_change(f"{HEALTH}NoData")
    change["detail"]["state"]["timestamp"] = "yesterday"
    assert read_alarm_change(change).at == NOON


FAULTS: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("detail", lambda change: change.update(detail=[])),
    ("alarmName", lambda change: change["detail"].pop("alarmName")),
    ("alarmName", lambda change: change["detail"].update(alarmName=7)),
    ("state", lambda change: change["detail"].update(state="ALARM")),
    ("value", lambda change: change["detail"]["state"].update(value="BAD")),
    ("previousState", lambda change: change["detail"].pop("previousState")),
    ("resources", lambda change: change.update(resources=[])),
    ("resources", lambda change: change.update(resources=["arn:aws:cloudwatch:x:y:alarm:other"])),
    ("resources", lambda change: change.update(resources=[{}])),
    ("timestamp", lambda change: (change.pop("time"), change["detail"]["state"].pop("timestamp"))),
]


@pytest.mark.parametrize(("field", "damage"), FAULTS)
def test_an_event_of_another_form_is_an_error(
    field: str, damage: Callable[[dict[str, Any]], object]
) -> None:
    change = alarm_change(f"{HEALTH}NoData")
    damage(change)
    with pytest.raises(InvalidAlarmError, match=field):
        read_alarm_change(change)


@pytest.mark.parametrize(
    "configuration",
    [
        *(None, [], "x", {"metrics": "x"}, {"metrics": [7, {"metricStat": []}], "description": 7}),
        {"metrics": [{"metricStat": {"metric": {"name": 7, "dimensions": {"ModelId": 7}}}}]},
    ],
)
def test_an_alarm_without_a_readable_configuration_is_read(configuration: object) -> None:
    change = alarm_change(f"{HEALTH}NoData")
    change["detail"]["configuration"] = configuration
    read = read_alarm_change(change)
    assert (read.metric, read.dimensions, read.description) == (None, {}, "")
    assert read.state is AlarmState.ALARM
