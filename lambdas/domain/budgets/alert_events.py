"""Alerts of budgets as events for webhooks: one for each threshold that was reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lambdas.domain.budgets.alert_detail import AlertDetail
from lambdas.domain.budgets.alert_messages import write_alert_text
from lambdas.domain.budgets.alerts import ThresholdKind
from lambdas.domain.budgets.budget import BudgetSubject
from lambdas.domain.budgets.scope import read_principal
from lambdas.domain.events import EventScope, EventType, MeterEvent, make_event_id
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.times import read_time

_TYPES = {
    ThresholdKind.ACTUAL: EventType.BUDGET_THRESHOLD_REACHED,
    ThresholdKind.FORECAST: EventType.BUDGET_FORECAST_REACHED,
}


def write_alert_events(
    details: Iterable[AlertDetail], dashboard_url: str
) -> tuple[MeterEvent, ...]:
    """Write an event for each alert, with the id of the alert: messages may join others each time.

    Args:
        details: The details, each of one or several thresholds.
        dashboard_url: The address of the dashboard with budgets.
    """
    return tuple(
        _write_event(detail, dashboard_url) for joint in details for detail in _split(joint)
    )


def _split(detail: AlertDetail) -> Iterator[AlertDetail]:
    """Split the detail of several thresholds, whose ids are in the order of their crossings."""
    for alert_id, crossing in zip(detail["alert_ids"], detail["crossings"], strict=True):
        yield {**detail, "alert_ids": [alert_id], "crossings": [crossing]}


def _write_event(detail: AlertDetail, dashboard_url: str) -> MeterEvent:
    (alert_id,), (crossing,) = detail["alert_ids"], detail["crossings"]
    event_type = _TYPES[ThresholdKind(crossing["kind"])]
    title, text = write_alert_text(detail, dashboard_url)
    return MeterEvent(
        id=make_event_id(event_type, alert_id),
        type=event_type,
        at=read_time(detail["evaluated_at"]),
        title=title,
        text=text,
        scope=_read_scope(detail),
        detail={**detail, "dashboard_url": dashboard_url},
        link=dashboard_url,
    )


def _read_scope(detail: AlertDetail) -> EventScope:
    """Read the scope of a budget, narrowed to the value that a default budget is for."""
    budget = detail["budget"]
    found = budget.get("scope", {})  # earlier versions stored none
    scope = {label: tuple(names) for label, names in found.items()}
    value = budget["value"]
    if value is None:
        return scope
    if budget["per"] == BudgetSubject.IDENTITY:
        scope[ScopeField.PRINCIPAL.value] = (read_principal(value),)
    return scope | {budget["per"]: (value,)}
