"""Alerts of budgets as messages for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from lambdas.domain.alerts import MAX_LINES, Notice
from lambdas.domain.budgets.alert_detail import AlertDetail, read_amount, read_number
from lambdas.domain.budgets.alerts import ThresholdKind
from lambdas.domain.budgets.budget import BudgetSubject
from lambdas.domain.words import cut, plural, printable

_MAX_NAME_LETTERS = 200
_VERBS = {ThresholdKind.ACTUAL: "Reached", ThresholdKind.FORECAST: "Forecast"}
_PLURALS = {
    BudgetSubject.IDENTITY: "identities",
    BudgetSubject.PRINCIPAL: "principals",
    BudgetSubject.PROJECT: "projects",
}
_NOTHING_STOPS = "Nothing is stopped: the budget only alerts."


def write_alert_notice(detail: AlertDetail, dashboard_url: str) -> Notice:
    """Write the message of a budget's alerts, see `write_detail`.

    Args:
        detail: The detail, of one or several thresholds.
        dashboard_url: The address of the dashboard with budgets.
    """
    paragraphs = (
        _write_usage(detail),
        _write_drivers(detail),
        _write_doubts(detail),
        _write_next(detail),
        [f"Dashboard: {dashboard_url}", f"Alert ids: {', '.join(detail['alert_ids'])}"],
    )
    text = "\n\n".join("\n".join(map(printable, lines)) for lines in map(list, paragraphs) if lines)
    return Notice(_write_subject(detail), text)


def write_joint_notice(details: Sequence[AlertDetail], dashboard_url: str) -> Notice:
    """Write one message for the alerts of many values of a default budget.

    Args:
        details: The details of the values, in the same period.
        dashboard_url: The address of the dashboard with budgets.
    """
    first = details[0]
    budget, amount = first["budget"], read_amount(first)
    most_used = sorted(
        details, key=lambda detail: Decimal(detail["amount"]["percent_used"]), reverse=True
    )
    paragraphs = (
        [
            f"Budget {budget['name']} for {budget['covers']}, managed by {budget['managed_by']}",
            f"Amount: {amount.describe()}",
            f"Period: {first['period']['description']}",
        ],
        _list_values(most_used),
        [f"{_NOTHING_STOPS} The period ends at {first['period']['end']}."],
        [f"Dashboard: {dashboard_url}"],
    )
    text = "\n\n".join("\n".join(map(printable, lines)) for lines in paragraphs)
    values = f"{len(details)} {_PLURALS[BudgetSubject(budget['per'])]}"
    return Notice(f"Bedrock budget {budget['name']}: {values}", text)


def _list_values(details: Sequence[AlertDetail]) -> list[str]:
    """List the first values, and the number of the others."""
    more = len(details) - MAX_LINES
    rest = [f"- and {more:,} more; EventBridge has an event of each"] if more > 0 else []
    return [*(f"- {_write_value(detail)}" for detail in details[:MAX_LINES]), *rest]


def _write_value(detail: AlertDetail) -> str:
    """Write the usage of a value, and the thresholds that it has newly reached."""
    amount, amounts = read_amount(detail), detail["amount"]
    reached = ", ".join(
        f"{_VERBS[entry['kind']].lower()} {entry['percent']} %" for entry in detail["crossings"]
    )
    used = amount.describe(read_number(amounts["used"], amount.unit))
    name = cut(detail["budget"]["value"], _MAX_NAME_LETTERS)
    return f"{name}: {used}, {amounts['percent_used']} % ({reached})"


def _write_subject(detail: AlertDetail) -> str:
    """Write a line of at most 100 ASCII letters, as SNS needs it.

    Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    actual = [_read_percent(entry) for entry in _list_crossings(detail, ThresholdKind.ACTUAL)]
    name = detail["budget"]["name"]
    if actual:
        return f"Bedrock budget {name}: {max(actual):g} % reached"
    forecast = [_read_percent(entry) for entry in _list_crossings(detail, ThresholdKind.FORECAST)]
    return f"Bedrock budget {name}: {max(forecast):g} % forecast"


def _write_usage(detail: AlertDetail) -> Iterator[str]:
    budget, amounts, amount = detail["budget"], detail["amount"], read_amount(detail)
    covers = budget["covers"]
    if budget["value"] is not None:
        covers = f"{budget['per']} {cut(budget['value'], _MAX_NAME_LETTERS)} ({covers})"
    used = amount.describe(read_number(amounts["used"], amount.unit))
    yield f"Budget {budget['name']} for {covers}, managed by {budget['managed_by']}"
    yield f"Used: {used} of {amount.describe()}, {amounts['percent_used']} %"
    yield f"Period: {detail['period']['description']}"
    for kind, verb in _VERBS.items():
        reached = [
            f"{entry['percent']} % ({amount.describe(read_number(entry['amount'], amount.unit))})"
            for entry in _list_crossings(detail, kind)
        ]
        if reached:
            yield f"{verb}: {', '.join(reached)}"


def _write_drivers(detail: AlertDetail) -> Iterator[str]:
    amount = read_amount(detail)
    if detail["drivers"] is None:
        yield "The model, project and identity with the most usage are unknown."
        return
    for driver in detail["drivers"]:
        used = amount.describe(read_number(driver["used"], amount.unit))
        yield f"Most used {driver['label']}: {cut(driver['name'], _MAX_NAME_LETTERS)}, {used}"


def _write_doubts(detail: AlertDetail) -> Iterator[str]:
    if detail["unpriced_calls"] and detail["amount"]["unit"] == "usd":
        calls = plural(detail["unpriced_calls"], "call")
        yield f"{calls} without a known price count at the budget's ceiling for unknown prices."
    if detail["incomplete_since"] is not None:
        yield f"Usage since {detail['incomplete_since']} may be incomplete."


def _write_next(detail: AlertDetail) -> Iterator[str]:
    forecast, amount = detail["forecast"], read_amount(detail)
    if forecast is not None:
        expected = amount.describe(read_number(forecast["expected"], amount.unit))
        probability = float(forecast["probability"])
        yield (
            f"Forecast for the end of the period: {expected};"
            f" {probability:.0%} probability of more than {amount.describe()}"
        )
        if forecast["exhausted_at"] is not None:
            exhausted_at = datetime.fromisoformat(forecast["exhausted_at"]).astimezone(UTC)
            yield f"At this rate the budget is used up at {exhausted_at:%Y-%m-%d %H:%M} UTC"
    following = detail["next_thresholds"]
    more = f" The next alert is at {following[0]} %." if following else ""
    yield f"{_NOTHING_STOPS}{more} The period ends at {detail['period']['end']}."


def _list_crossings(detail: AlertDetail, kind: ThresholdKind) -> list[AlertDetail]:
    return [entry for entry in detail["crossings"] if entry["kind"] == kind]


def _read_percent(entry: AlertDetail) -> float:
    return float(entry["percent"])
