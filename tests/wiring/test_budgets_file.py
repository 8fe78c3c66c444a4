"""`budgets.json` is read exactly, and each fault is named with what to write."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
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
    BudgetState,
    BudgetSubject,
    BudgetUnit,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    RollingHours,
    StoredBudget,
    find_gateway_subject,
    make_weeks,
    write_budget,
)
from lambdas.domain.limits import LimitMode
from lambdas.wiring.budgets_file import read_budgets, write_schema
from lambdas.wiring.declared_files import InvalidFileError
from tests.builders import BEN
from tests.infrastructure.synthesis import ROOT
from tests.unit.budgets.builders import budgets

DOCS = ROOT / "docs"
SCHEMA = Draft202012Validator(json.loads(write_schema()))
VALID = {
    "name": "chat",
    "scope": {"project": "chat"},
    "amount": {"usd": 500},
    "period": {"every": "month"},
}
ROLE = "arn:aws:iam::111122223333:role/chat"
OTHER_PERIODS: dict[str, dict[str, Any]] = {
    "last_hours": {"last_hours": 24},
    "count": {"every": "day", "count": 14, "anchor": "2026-01-05"},
    "anchor": {"every": "month", "anchor": "2026-01-15"},
    "week_starts": {"every": "week", "week_starts": "sunday"},
}
"""Periods that no calendar has, by the field that makes them so."""


def write(*entries: Any) -> str:
    return json.dumps({"managed_by": "platform", "budgets": entries})


def read(**changes: Any) -> Budget:
    (budget,) = read_budgets(write(VALID | changes)).budgets
    return budget


def find_problems(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidFileError) as refused:
        read_budgets(text)
    return refused.value.problems


def test_the_example_of_the_page_is_valid_and_its_schema_accepts_it() -> None:
    page = (DOCS / "budgets.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert [budget.name for budget in read_budgets(example).budgets] == [
        *("account-monthly", "chat-on-claude", "each-person", "ben", "batch-burst")
    ]
    SCHEMA.validate(json.loads(example))


def test_the_user_in_the_example_replaces_the_default() -> None:
    page = (DOCS / "budgets.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    named = {budget.name: budget for budget in read_budgets(example).budgets}
    assert named["ben"].replaces(named["each-person"], BEN)


def test_the_shipped_schema_is_the_one_that_the_code_writes() -> None:
    shipped = (DOCS / "budgets.schema.json").read_text(encoding="utf-8")
    hint = "run: .venv/bin/bedrock-meter budgets schema > docs/budgets.schema.json"
    assert shipped == write_schema(), hint


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(json.loads(write_schema()))


def has_readable_settings(made: Budget) -> bool:
    """Leave out what the file refuses and rules of the domain allow."""
    names_its_value = made.per and made.scope.named_value(made.per.field)
    return not names_its_value and made.thresholds.forecast_probability >= Decimal("0.5")


@given(budgets.filter(has_readable_settings))
def test_a_stored_definition_is_a_valid_entry_of_a_file(made: Budget) -> None:
    document = write_budget(made)
    managed_by = document.pop("managed_by")
    if isinstance(made.periods, RollingHours):
        del document["alerts"]["forecast"]
    if document["alerts"]["forecast_probability"] == "1":
        document["alerts"]["forecast_probability"] = "0.9"
    text = json.dumps({"managed_by": managed_by, "budgets": [document]})
    (read_again,) = read_budgets(text).budgets
    assert read_again.scope == made.scope
    assert (read_again.amount, read_again.periods) == (made.amount, made.periods)
    assert read_again.thresholds.actual == tuple(sorted(made.thresholds.actual))
    SCHEMA.validate(json.loads(text))


@pytest.mark.parametrize(
    ("period", "rule"),
    [
        ({"every": "hour", "time_zone": "Asia/Kolkata"}, HourPeriods("Asia/Kolkata")),
        ({"every": "day"}, DayPeriods("UTC")),
        ({"every": "week"}, make_weeks("UTC", "monday")),
        ({"every": "week", "week_starts": "sunday"}, make_weeks("UTC", "sunday")),
        ({"every": "month"}, MonthPeriods("UTC")),
        ({"last_hours": 24}, RollingHours(24)),
    ],
)
def test_periods_are_read(period: dict[str, Any], rule: object) -> None:
    assert read(period=period).periods == rule


def test_decimals_are_exact() -> None:
    text = write(VALID).replace("500", "0.1")
    (made,) = read_budgets(text).budgets
    assert made.amount == BudgetAmount(BudgetUnit.USD, 10**11)
    assert read(amount={"usd": "1234.567891"}).amount.limit == 1_234_567_891_000_000


def test_a_name_alone_is_a_list_of_one() -> None:
    assert read(scope={"project": "chat"}) == read(scope={"project": ["chat"]})
    assert read(scope={}).scope == BudgetScope()


def test_tokens_in_scientific_notation_are_read() -> None:
    text = write(VALID | {"amount": {"total_tokens": 7}}).replace("7", "2e6")
    assert read_budgets(text).budgets[0].amount.limit == 2_000_000


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "chat:daily"}, '.name = "chat:daily": allowed: 1 to 64 letters, digits, periods'),
        ({"name": ""}, '.name = "": allowed: 1 to 64 letters'),
        # A rate, which throttles or alerts: it denied until the end of the month.
        (
            {"period": {"every": "minute"}},
            '.period.every = "minute": allowed: "hour", "day", "week"',
        ),
        ({"scope": None}, ".scope = null: allowed: an object"),
        (
            {"amount": {"eur": 5}},
            ".amount.eur: unknown field; allowed: usd, total_tokens, quota_tokens",
        ),
        ({"per_": "identity"}, ".per_: unknown field; did you mean per?"),
        ({"alerts": {"sms": []}}, ".alerts.sms: unknown field; allowed: actual, forecast,"),
        ({"scope": {"projct": "x"}}, ".scope.projct: unknown field; did you mean project?"),
        ({"scope": {"project": []}}, ".scope.project = []: allowed: a name or a list"),
        ({"scope": {"project": ["a", "a"]}}, '.scope.project = ["a", "a"]: allowed: a name or'),
        ({"scope": {"project": " a"}}, '.scope.project[0] = " a": allowed: a label'),
        ({"scope": {"identity": ROLE}}, f'.scope.identity[0] = "{ROLE}": allowed: the full ARN'),
        ({"scope": {"identity": "ana"}}, '.scope.identity[0] = "ana": allowed: the full ARN'),
        (
            {"scope": {"principal": "arn:aws:iam::111122223333:role/team/chat"}},
            '.scope.principal[0] = "arn:aws:iam::111122223333:role/team/chat": allowed: the ARN',
        ),
        (
            {"scope": {"model": "us.anthropic.claude-sonnet-4-6"}},
            '.scope.model[0] = "us.anthropic.claude-sonnet-4-6": allowed: the foundation model',
        ),
        ({"scope": {"region": "Frankfurt"}}, '.scope.region[0] = "Frankfurt": allowed: a Region'),
        ({"scope": {"project": "x" * 1025 + "*"}}, '.scope.project = "xxx'),
        ({"scope": {"model": "x" * 1025 + "*"}}, '.scope.model = "xxx'),
        ({"amount": {"usd": "1e999999999"}}, '.amount.usd = "1e999999999": allowed: 0.01 to'),
        ({"amount": {"total_tokens": "1e9999999"}}, '.amount.total_tokens = "1e9999999": allowed'),
        ({"amount": {}}, ".amount: allowed: one of usd, total_tokens and quota_tokens"),
        ({"amount": {"usd": 1, "quota_tokens": 1}}, ".amount: allowed: one of usd"),
        ({"amount": {"usd": 0}}, ".amount.usd = 0: allowed: 0.01 to 1,000,000,000"),
        ({"amount": {"usd": True}}, ".amount.usd = true: allowed: a number"),
        ({"amount": {"usd": "many"}}, '.amount.usd = "many": allowed: a number'),
        ({"amount": {"total_tokens": 1.5}}, ".amount.total_tokens = 1.5: allowed: a whole number"),
        ({"period": {}}, ".period: allowed: either every or last_hours"),
        ({"period": {"every": "year"}}, '.period.every = "year": allowed: "hour", "day"'),
        (
            {"period": {"every": "day", "time_zone": "Europe/Berln"}},
            '.period.time_zone = "Europe/Berln": allowed: the IANA name of a time zone, such as',
        ),
        ({"period": {"every": "day", "count": 14}}, ".period: anchor: allowed: the first day"),
        (
            {"period": {"every": "week", "count": 2}},
            ".period.count = 2: allowed: 1, unless every is day or month",
        ),
        (
            {"period": {"every": "day", "count": 2, "anchor": "1999-01-01"}},
            '.period.anchor = "1999-01-01": allowed: a day from 2000-01-01',
        ),
        (
            {"period": {"last_hours": 24, "time_zone": "Asia/Tokyo"}},
            '.period.time_zone = "Asia/Tokyo": allowed:',
        ),
        ({"period": {"last_hours": 1}}, ".period.last_hours = 1: allowed: 2 to 168"),
        ({"per": "model"}, '.per = "model": allowed: "identity", "principal" or "project"'),
        ({"per": "project"}, '.per = "project": allowed: a label that the scope does not name'),
        ({"alerts": {"actual": [0]}}, ".alerts.actual[0] = 0: allowed: 0.01 to 1,000"),
        ({"alerts": {"actual": [50, 50]}}, ".alerts.actual = [50, 50]: allowed: up to 10"),
        ({"alerts": {"forecast_probability": 1}}, ".alerts.forecast_probability = 1: allowed: 0.5"),
        ({"unpriced_usd_per_million": {"input": -1}}, ".unpriced_usd_per_million.input = -1"),
        ({"limit": 5}, ".limit: unknown field"),
        ({"brake": "stop"}, '.brake = "stop": allowed: "notify", "shadow" or "deny"'),
        (
            {"brake": "deny"},
            ": brake: deny: a deny stops all Bedrock use of a caller, not only that of scope.proj",
        ),
        ({"gateway": "deny"}, '.gateway = "deny": allowed: "enforce" or "shadow"'),
        *(
            (
                {"gateway": "shadow", "period": period},
                (
                    '.gateway = "shadow": allowed: only for periods of one hour, day, week from'
                    f" Monday or month; leave out gateway or period.{field}"
                ),
            )
            for field, period in OTHER_PERIODS.items()
        ),
        (
            {"period": {"last_hours": 24}, "alerts": {"forecast": [100]}},
            ": alerts: allowed: no forecast with last_hours",
        ),
    ],
)
def test_each_fault_names_the_field_and_what_to_write(
    changes: dict[str, Any], problem: str
) -> None:
    (found,) = find_problems(write(VALID | changes))
    name = (VALID | changes)["name"]
    assert found.startswith(f"budgets[0] ({name}){problem}")


@pytest.mark.parametrize("field", ["name", "scope", "amount", "period"])
def test_a_missing_field_is_named(field: str) -> None:
    (problem,) = find_problems(write({name: VALID[name] for name in VALID if name != field}))
    assert problem.endswith(f".{field} is missing")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON, line 1, column 2"),
        ("[]", "allowed: an object with managed_by and budgets"),
        ("{}", "managed_by is missing"),
        ('{"managed_by": "a", "managed_by": "b"}', "managed_by: given twice in one object"),
        ('{"managed_by": NaN}', "not JSON: NaN is no number"),
        ("[" * 100_000, "not JSON that can be read"),
        (write(VALID, VALID), "budgets: allowed: each name once; more than once: chat"),
        (write(5), "budgets[0] = 5: allowed: an object"),
        (json.dumps({"managed_by": 1, "budgets": []}), "managed_by = 1: allowed: text"),
        (json.dumps({"managed_by": "a", "budgets": {}}), "budgets = {}: allowed: a list"),
    ],
)
def test_a_file_of_another_form_is_explained(text: str, problem: str) -> None:
    assert find_problems(text)[0].startswith(problem)


@pytest.mark.parametrize(
    "number",
    [
        "1e999999999",
        "1e-999999999",
        "-1E+41",
        "1e99999999999999999999",
        f"0.{'9' * 60}",
        "9" * 5000,
    ],
)
@pytest.mark.parametrize("unit", ["usd", "total_tokens"])
def test_numbers_of_very_many_digits_are_refused_before_anything_is_done_with_them(
    number: str, unit: str
) -> None:
    text = write(VALID | {"amount": {unit: 0.5}}).replace("0.5", number)
    (problem,) = find_problems(text)
    assert problem.startswith(number[:40])
    assert problem.endswith("allowed: numbers of at most 40 digits")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*VALID, "usd"]), inner),
        max_leaves=8,
    )
)
def test_no_content_of_a_budget_raises_anything_but_a_refusal(content: Any) -> None:
    for text in (write(content), write(VALID | {"scope": content}), json.dumps(content)):
        try:
            read_budgets(text)
        except InvalidFileError as refused:
            assert all(refused.problems)  # noqa: PT017  # the text is valid only sometimes


@pytest.mark.parametrize(
    ("scope", "per"),
    [
        ({}, None),
        ({"project": "chat", "model": "anthropic.*"}, None),
        ({"department": "sales", "use_case": "support", "region": "eu-*"}, None),
        ({}, "project"),
        ({"model": "anthropic.*"}, "identity"),
    ],
)
@pytest.mark.parametrize("every", ["hour", "day", "week", "month"])
def test_the_gateway_limits_by_any_scope(scope: Any, per: str | None, every: str) -> None:
    period = {"every": every, "time_zone": "Europe/Berlin"}
    made = read(scope=scope, per=per, period=period, gateway="enforce")
    assert made.gateway is LimitMode.ENFORCE
    assert made.brake is BrakeMode.NOTIFY
    assert find_gateway_subject(StoredBudget(made, 1, BudgetState.ACTIVE)) is not None


def test_without_the_field_the_gateway_does_not_limit_by_a_budget() -> None:
    assert read().gateway is None
    assert read(per="identity", scope={}, brake="deny").gateway is None


def test_default_budgets_are_read() -> None:
    assert read(scope={}, per="principal").per is BudgetSubject.PRINCIPAL


GRANT = {"id": "june", "usd": "250.000000000001", "effective_from": "2026-06-01T02:00+02:00"}


def write_grants(*grants: Any) -> str:
    return json.dumps({"managed_by": "platform", "budgets": [], "grants": grants})


def test_grants_are_read_to_the_pico_dollar_and_may_begin_in_the_past() -> None:
    text = write_grants(GRANT | {"scope": {"project": "chat"}, "note": "order 1"})
    (grant,) = read_budgets(text).grants
    assert (grant.id, grant.picodollars, grant.priority) == ("june", 250 * 10**12 + 1, 50)
    assert grant.created_at == grant.effective_from == datetime(2026, 6, 1, tzinfo=UTC)
    assert (grant.scope, grant.expires_at) == (BudgetScope(project=("chat",)), None)
    SCHEMA.validate(json.loads(text))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "June"}, '.id = "June": allowed: 1 to 64 lower-case letters, digits'),
        ({"usd": 0}, ".usd = 0: allowed: 0.000000000001 to 1,000,000,000"),
        ({"priority": 1001}, ".priority = 1001: allowed: 0 to 1,000"),
        (
            {"effective_from": "2026-06-01T00:30:00Z"},
            '.effective_from = "2026-06-01T00:30:00Z": allowed: a whole hour of UTC',
        ),
        (
            {"effective_from": "2026-06-01T00:00:00"},
            '.effective_from = "2026-06-01T00:00:00": allowed: a time with its zone',
        ),
        ({"expires_at": "2026-06-01T00:00:00Z"}, ": the grant would end before it begins: give"),
        ({"amount": 5}, ".amount: unknown field"),
    ],
)
def test_each_fault_of_a_grant_names_what_to_write(changes: dict[str, Any], problem: str) -> None:
    (found,) = find_problems(write_grants(GRANT | changes))
    assert found.startswith(f"grants[0]{problem}")


def test_grants_have_different_ids() -> None:
    (problem,) = find_problems(write_grants(GRANT, GRANT))
    assert problem == "grants: allowed: each id once; more than once: june"


def test_a_window_that_moves_has_no_forecast() -> None:
    assert read(period={"last_hours": 24}).thresholds.forecast == ()
