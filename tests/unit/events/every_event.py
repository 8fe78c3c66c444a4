"""Real events of every type, as the meter's own code writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lambdas.domain.alarms import read_alarm_change, write_alarm_event
from lambdas.domain.alerts import Notice
from lambdas.domain.brake import write_brake_notice
from lambdas.domain.budgets.budget_alerts import write_alert_events
from lambdas.domain.completeness import (
    AuditWindow,
    CoverageReport,
    coverage_notice,
    mismatch_notice,
)
from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.limit_notices import write_marks_notice
from lambdas.domain.logging_configuration import (
    Drift,
    Subject,
    WatchState,
    add_watch_event,
    watch_notice,
)
from lambdas.domain.reports.weekly import weekly_notice
from tests.alarm_changes import alarm_change, series_change
from tests.builders import ANA, NOON
from tests.limit_marks import due_mark
from tests.unit.brake import test_events as brake
from tests.unit.budgets import test_alert_messages as budgets
from tests.unit.budgets.builders import DOLLAR
from tests.unit.budgets.test_alerts import FixedForecast, status
from tests.unit.completeness.test_mismatch import calls, report
from tests.unit.reports.weekly.test_messages import DASHBOARD, PLACE
from tests.unit.reports.weekly.weekly_calls import MONDAY, call, summary
from tests.webhooks import make_event

CREDITS = (EventType.CREDITS_LOW, EventType.CREDITS_EXHAUSTED)
"""The alerts of credits have tests of their own."""


def list_every_event() -> list[MeterEvent]:
    """List events of every type, but for those of credits."""
    return [
        *_list_alarm_events(),
        *_list_budget_events(),
        *_take(write_brake_notice(event.detail, DASHBOARD) for event in brake.EVENTS),
        *write_marks_notice([due_mark().detail, make_reached_detail()], DASHBOARD).events,
        *_take(_write_notices()),
        make_event(type=EventType.WEBHOOK_TEST, detail={"webhook": "wh_1"}),
    ]


def make_reached_detail(**changes: Any) -> dict[str, Any]:
    """The detail of a refusal by a limit."""
    return due_mark(**({"percent": 97, "used": 970, "is_refusal": True} | changes)).detail


def _list_alarm_events() -> Iterator[MeterEvent]:
    for change in (
        series_change({"IdentityArn": ANA}),
        series_change({"IdentityArn": ANA}, "OK"),
        alarm_change("BedrockMeter-Account-Anomaly"),
        *(
            alarm_change(f"BedrockMeter-Health-{check}")
            for check in ("LogProcessorErrors", "HeldPrices", "TamperedCalls")
        ),
        alarm_change("BedrockMeter-Health-LogProcessorErrors", "OK", "ALARM"),
    ):
        event = write_alarm_event(read_alarm_change(change))
        assert event is not None
        yield event


def _list_budget_events() -> tuple[MeterEvent, ...]:
    found = status(82.5, forecast=FixedForecast(40 * DOLLAR, 0.93))
    return write_alert_events([budgets.write(found)], DASHBOARD)


def _write_notices() -> Iterator[Notice]:
    yield weekly_notice(summary(call(MONDAY, 5)), DASHBOARD, PLACE)
    yield coverage_notice(CoverageReport(AuditWindow.at(NOON), (), unlogged={}))
    yield mismatch_notice(report(calls(100, 60)))
    drift = Drift(Subject.CONFIGURATION, "logging is off")
    notice = watch_notice([drift], None, is_resolved=False)
    yield add_watch_event(notice, WatchState().after([drift], None, NOON))


def _take(notices: Iterable[Notice]) -> Iterator[MeterEvent]:
    for notice in notices:
        assert notice.events
        yield from notice.events
