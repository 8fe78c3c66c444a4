"""Alerts of budgets as messages for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets.alert_detail import AlertDetail, read_amount, read_number
from lambdas.domain.budgets.alerts import ThresholdKind
from lambdas.domain.words import break_links, cut, plural, printable

_MAX_NAME_LETTERS = 200
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
        covers = f"{budget['per']} {_show(budget['value'])} ({covers})"
    used = amount.describe(read_number(amounts["used"], amount.unit))
    yield f"Budget {budget['name']} for {covers}, managed by {budget['managed_by']}"
    yield f"Used: {used} of {amount.describe()}, {amounts['percent_used']} %"
    yield f"Period: {detail['period']['description']}"
    for kind, verb in ((ThresholdKind.ACTUAL, "Reached"), (ThresholdKind.FORECAST, "Forecast")):
        reached = [
            f"{entry['percent']} % ({amount.describe(read_number(entry['amount'], amount.unit))})"
            for entry in _list_crossings(detail, kind)
        ]
        if reached:
            yield f"{verb}: {', '.join(reached)}"


def _write_drivers(detail: AlertDetail) -> Iterator[str]:
    amount = read_amount(detail)
    for driver in detail["drivers"]:
        used = amount.describe(read_number(driver["used"], amount.unit))
        yield f"Most used {driver['label']}: {_show(driver['name'])}, {used}"


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


def _show(name: str) -> str:
    """Show a name that a caller may have chosen."""
    return cut(break_links(name), _MAX_NAME_LETTERS)


def _read_percent(entry: AlertDetail) -> float:
    return float(entry["percent"])
