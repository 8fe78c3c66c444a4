"""Alerts of budgets as messages for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from lambdas.domain.alerts import MAX_LINES, Notice
from lambdas.domain.budgets.alert_detail import AlertDetail, read_amount, read_number
from lambdas.domain.budgets.alerts import ThresholdKind
from lambdas.domain.budgets.budget import BrakeMode, BudgetSubject
from lambdas.domain.limits import LimitMode
from lambdas.domain.words import break_links, cut, plural, printable

_MAX_NAME_LETTERS = 200
_VERBS = {ThresholdKind.ACTUAL: "Reached", ThresholdKind.FORECAST: "Forecast"}
_PLURALS = {
    BudgetSubject.IDENTITY: "identities",
    BudgetSubject.PRINCIPAL: "principals",
    BudgetSubject.PROJECT: "projects",
}
_MAX_SUBJECT_LETTERS = 100
_MIN_VALUE_LETTERS = 8
_SUBJECT_LETTERS = frozenset(map(chr, range(ord(" "), ord("~") + 1)))
_UTC = "UTC"
_WHAT_TO_DO = "What to do: docs/runbooks/BudgetAlerts.md in the Bedrock Meter repository."
_BRAKE_DENIES = (
    "If the brake is switched on, it denies all Bedrock use of these callers shortly before 100%,"
    " until the period ends."
)
_GATEWAY_REFUSES = (
    "If the gateway is deployed, it refuses calls that could exceed the amount, until the period"
    " ends."
)


def write_alert_notice(detail: AlertDetail, dashboard_url: str) -> Notice:
    """Write the message of a budget's alerts, see `write_detail`.

    Args:
        detail: The detail, of one or several thresholds.
        dashboard_url: The address of the dashboard with budgets.
    """
    subject, text = write_alert_text(detail, dashboard_url)
    ids = ", ".join(map(printable, detail["alert_ids"]))
    return Notice(subject, f"{text}\nAlert ids: {ids}")


def write_alert_text(detail: AlertDetail, dashboard_url: str) -> tuple[str, str]:
    """Write the subject and the text of a message, without the ids of its alerts."""
    paragraphs = (
        _write_usage(detail),
        _write_drivers(detail),
        _write_doubts(detail),
        _write_next(detail),
        [f"Dashboard: {dashboard_url}", _WHAT_TO_DO],
    )
    return _write_subject(detail), _join(paragraphs)


def write_joint_notice(details: Sequence[AlertDetail], dashboard_url: str) -> Notice:
    """Write one message for the alerts of many values of a default budget.

    Args:
        details: The details of the values, in the same period.
        dashboard_url: The address of the dashboard with budgets.
    """
    first = details[0]
    budget, amount = first["budget"], read_amount(first)
    by_usage = sorted(
        details, key=lambda detail: Decimal(detail["amount"]["percent_used"]), reverse=True
    )
    end = _write_time(first["period"]["end"], first)
    paragraphs = (
        [
            f"Budget {budget['name']} for {budget['covers']}, managed by {budget['managed_by']}",
            f"Amount: {amount.describe()}",
            f"Period: {first['period']['description']}",
        ],
        _list_values(by_usage),
        [f"{_describe_effect(first)} The period ends at {end}."],
        [f"Dashboard: {dashboard_url}", _WHAT_TO_DO],
    )
    values = f"{len(details)} {_PLURALS[BudgetSubject(budget['per'])]}"
    return Notice(f"Bedrock budget {budget['name']}: {values}", _join(paragraphs))


def _join(paragraphs: Iterable[Iterable[str]]) -> str:
    """Join the lines of paragraphs; one without lines is left out."""
    return "\n\n".join("\n".join(map(printable, lines)) for lines in map(list, paragraphs) if lines)


def _list_values(details: Sequence[AlertDetail]) -> list[str]:
    """List the first values, and the number of the others."""
    more = len(details) - MAX_LINES
    rest = [f"- and {more:,} more; EventBridge has an event of each"] if more > 0 else []
    return [*(f"- {_write_value(detail)}" for detail in details[:MAX_LINES]), *rest]


def _write_value(detail: AlertDetail) -> str:
    """Write the usage of a value, and the thresholds that it has newly reached."""
    amount, amounts = read_amount(detail), detail["amount"]
    reached = ", ".join(
        f"{_VERBS[entry['kind']].lower()} {entry['percent']}%" for entry in detail["crossings"]
    )
    used = amount.describe(read_number(amounts["used"], amount.unit))
    name = _show(detail["budget"]["value"])
    return f"{name}: {used}, {amounts['percent_used']}% ({reached})"


def _write_subject(detail: AlertDetail) -> str:
    """Write a line of at most 100 ASCII letters, as SNS needs it.

    Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    """
    actual = [_read_percent(entry) for entry in _list_crossings(detail, ThresholdKind.ACTUAL)]
    subject = f"Bedrock budget {detail['budget']['name']}: "
    if actual:
        subject += f"{max(actual):g}% reached"
    else:
        forecast = _list_crossings(detail, ThresholdKind.FORECAST)
        subject += f"{max(map(_read_percent, forecast)):g}% expected"
    value = detail["budget"]["value"]
    return subject if value is None else _add_value(subject, value)


def _add_value(subject: str, value: str) -> str:
    """Add the end of the value that the budget is for, as far as there is room."""
    short = "".join(letter if letter in _SUBJECT_LETTERS else "?" for letter in value)
    room = _MAX_SUBJECT_LETTERS - len(subject) - len(" ()")
    short = short.rpartition(":")[2][-room:] if room >= _MIN_VALUE_LETTERS else ""
    return f"{subject} ({short})" if short else subject


def _write_usage(detail: AlertDetail) -> Iterator[str]:
    budget, amounts, amount = detail["budget"], detail["amount"], read_amount(detail)
    covers = budget["covers"]
    if budget["value"] is not None:
        covers = f"{budget['per']} {_show(budget['value'])} ({covers})"
    used = amount.describe(read_number(amounts["used"], amount.unit))
    yield f"Budget {budget['name']} for {covers}, managed by {budget['managed_by']}"
    yield f"Used: {used} of {amount.describe()}, {amounts['percent_used']}%"
    yield f"Evaluated: {_write_time(detail['evaluated_at'], detail)}"
    yield f"Period: {detail['period']['description']}"
    for kind, verb in _VERBS.items():
        reached = [
            f"{entry['percent']}% ({amount.describe(read_number(entry['amount'], amount.unit))})"
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
        yield f"Most used {driver['label']}: {_show(driver['name'])}, {used}"


def _write_doubts(detail: AlertDetail) -> Iterator[str]:
    if detail["unpriced_calls"] and detail["amount"]["unit"] == "usd":
        calls = plural(detail["unpriced_calls"], "call")
        yield f"{calls} without a known price count at the budget's ceiling for unknown prices."
    if detail["incomplete_since"] is not None:
        yield f"Usage since {_write_time(detail['incomplete_since'], detail)} may be incomplete."


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
            exhausted_at = _write_time(forecast["exhausted_at"], detail)
            yield f"At this rate the budget is used up at {exhausted_at}"
    following = detail["next_thresholds"]
    more = f" The next alert is at {following[0]}%." if following else ""
    end = _write_time(detail["period"]["end"], detail)
    yield f"{_describe_effect(detail)}{more} The period ends at {end}."


def _describe_effect(detail: AlertDetail) -> str:
    """Say what the budget does besides; earlier versions stored alerts without these fields."""
    brake, gateway = (detail["budget"].get(name) for name in ("brake", "gateway"))
    stops = [
        *([_BRAKE_DENIES] if brake == BrakeMode.DENY else []),
        *([_GATEWAY_REFUSES] if gateway == LimitMode.ENFORCE else []),
    ]
    if stops:
        return " ".join(stops)
    reports = [
        *(["the brake only reports what it would have denied"] * (brake == BrakeMode.SHADOW)),
        *(["the gateway only reports what it would have refused"] * (gateway == LimitMode.SHADOW)),
    ]
    return f"Nothing is stopped: {' and '.join(reports) or 'the budget only alerts'}."


def _write_time(text: str, detail: AlertDetail) -> str:
    """Write a time as clocks show it in the time zone of the budget."""
    zone = detail["period"].get("time_zone", _UTC)  # earlier versions stored none
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}, {zone}"


def _list_crossings(detail: AlertDetail, kind: ThresholdKind) -> list[AlertDetail]:
    return [entry for entry in detail["crossings"] if entry["kind"] == kind]


def _show(name: str) -> str:
    """Show a name that a caller may have chosen."""
    return cut(break_links(name), _MAX_NAME_LETTERS)


def _read_percent(entry: AlertDetail) -> float:
    return float(entry["percent"])
