"""`bedrock-meter credits` changes and shows the books without a deployment."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.credits import (
    CreditTables,
    WantedGrant,
    check_clock,
    grant,
    show_balance,
    void_grant,
)
from cdk.operations.terminal import CommandError
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    Account,
    AccountKind,
    CreditBook,
    CreditEntry,
    EntryKind,
    ExhaustedScope,
    GrantBalance,
    Posting,
    expire,
    get_account,
    scope_key,
)
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.command_line import call_command
from tests.credits import InMemoryChangedHours, InMemoryCreditStore
from tests.focus_rules import violations
from tests.operations.deployed import OUTPUTS, deploy

USD, HOUR, DAY = 10**12, timedelta(hours=1), timedelta(days=1)
CHAT = BudgetScope(project=("chat",))
TABLES = CreditTables(GOVERNANCE, "usage-counters", "123456789012", "us-east-1")
COUNTERS = OUTPUTS[stack_names.STORAGE]["CounterTableName"]


@pytest.fixture
def deployed(aws: None) -> None:
    create_governance_table()
    create_sorted_table(COUNTERS)
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    deploy(stack_names.MONITORING, CreditBookerName="booker")


def open_store() -> DynamoDbCreditStore:
    return DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE)


def read_failure(*arguments: Path | str) -> str:
    with pytest.raises(FailedCommand) as failure:
        call_command(*arguments)
    return failure.value.message


def list_grants() -> dict[str, GrantBalance]:
    return dict(open_store().read_book().grants)


@pytest.mark.usefixtures("deployed")
def test_credits_are_granted_once_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("credits", "grant", "june", "250.50", "--project", "chat", "--note", "order 7")
    call_command(*arguments)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Account 123456789012, Region us-east-1"
    assert out[1].startswith("+ june: $250.50 for project chat, from ")
    assert out[2] == "Granted."
    call_command(*arguments)
    assert "Nothing to change." in capsys.readouterr().out
    (balance,) = list_grants().values()
    assert (balance.grant.picodollars, balance.grant.scope) == (2505 * USD // 10, CHAT)
    call_command("credits", "balance", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["account_id"], shown["unbooked_hours"]) == ("123456789012", 0)
    (scope,), (found,) = shown["scopes"], shown["grants"]
    assert (scope["scope"], scope["balance_usd"], scope["days_left"]) == (
        *({"project": ["chat"]}, "250.5"),
        None,
    )
    assert (found["id"], found["state"], found["note"]) == ("june", "effective", "order 7")
    call_command("credits", "balance")
    assert "project chat" in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_a_dry_run_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("credits", "grant", "june", "1", "--dry-run")
    assert capsys.readouterr().out.endswith("This was a dry run: nothing is changed.\n")
    assert list_grants() == {}
    call_command("credits", "grant", "june", "1")
    call_command("credits", "void", "june", "--dry-run")
    call_command("credits", "enforce", "on", "--dry-run")
    assert capsys.readouterr().out.count("dry run") == 2
    assert list_grants()["june"].is_open
    switch = DynamoDbCreditSwitch(boto3.client("dynamodb"), GOVERNANCE)
    assert not switch.read().is_on


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("june", "2"), "a grant june with other terms is there already"),
        (("june", "1", "--priority", "3"), "Choose another id"),
        (("July", "1"), "lower-case letters"),
        (("july", "0"), "above 0"),
        (("july", "1.0000000000001"), "12 decimal places"),
        (("july", "much"), "12 decimal places"),
        (("july", "1", "--from", "2020-01-01"), "effective before it exists"),
        (("july", "1", "--until", "2099-01-01T00:30"), "whole hours"),
        (("july", "1", "--until", "9999-12-31T23:00"), "leave the end out for never"),
        (("july", "1", "--from", "2099-01-01T00:00+05:30"), "whole hours of UTC"),
        (("july", "1", "--region", "us-west-9"), "the scope has problems"),
        (("july", "1", "--identity", "ben"), "the scope has problems"),
    ],
)
def test_a_grant_with_faults_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    call_command("credits", "grant", "june", "1")
    assert said in read_failure("credits", "grant", *arguments)
    assert set(list_grants()) == {"june"}


@pytest.mark.usefixtures("deployed")
def test_a_voided_grant_is_closed_for_good(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("credits", "grant", "june", "2")
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert read_failure("credits", "void", "june") == "credits void: nothing was changed."
    call_command("credits", "void", "june", "--yes")
    assert "Voided: $2.00 is lost." in capsys.readouterr().out
    assert (list_grants()["june"].is_voided, list_grants()["june"].picodollars) == (True, 0)
    assert "voided already" in read_failure("credits", "void", "june", "--yes")
    assert "there is no grant july" in read_failure("credits", "void", "july", "--yes")
    capsys.readouterr()
    call_command("credits", "entries", "--json")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["grant", "void"]
    call_command("credits", "entries")
    assert "granted" in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_changes_have_an_actor_and_no_name() -> None:
    call_command("credits", "grant", "june", "2")
    call_command("credits", "void", "june", "--yes")
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    entries = [item for item in items if item["pk"]["S"] == "credit-entries"]
    assert len({item["change_id"]["S"] for item in entries}) == 2
    assert all(item["changed_by"]["S"].startswith("person-") for item in entries)


@pytest.mark.usefixtures("deployed")
def test_the_switch_is_set_and_shown_with_exhausted_scopes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("credits", "enforce", "status")
    assert "never switched on" in capsys.readouterr().out
    scopes = DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE)
    scopes.replace([ExhaustedScope(scope=CHAT, since=NOON, because="grant june is used up")])
    call_command("credits", "enforce", "on")
    assert "Exhausted now: project chat." in capsys.readouterr().out
    switch = DynamoDbCreditSwitch(boto3.client("dynamodb"), GOVERNANCE).read()
    assert switch.is_on
    assert (switch.by or "").startswith("person-")
    call_command("credits", "enforce", "status")
    out = capsys.readouterr().out
    assert "Enforcement has been on since" in out
    assert "project chat (grant june is used up)" in out
    call_command("credits", "enforce", "off")
    assert not DynamoDbCreditSwitch(boto3.client("dynamodb"), GOVERNANCE).read().is_on


def test_commands_say_how_to_switch_credits_on(aws: None) -> None:
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.MONITORING)
    assert "credits are off in us-east-1" in read_failure("credits", "balance")


@pytest.mark.usefixtures("deployed")
def test_the_export_adds_up_to_the_books(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("credits", "grant", "june", "2.000000000001", "--project", "chat")
    call_command("credits", "grant", "july", "1")
    call_command("credits", "void", "july", "--yes")
    now = datetime.now(UTC)
    out = tmp_path / "credits.csv"
    period = (f"{now - DAY:%Y-%m-%dT%H:%M}", f"{now + HOUR:%Y-%m-%dT%H:%M}")
    call_command("credits", "focus", *period, "--out", out)
    assert "3 rows in" in capsys.readouterr().out
    with out.open(encoding="utf-8", newline="") as file:
        rows: list[Any] = [
            {name: value or None for name, value in row.items()} for row in csv.DictReader(file)
        ]
    assert not list(violations(rows))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("2.000000000001")
    assert {row["x_CreditGrant"] for row in rows} == {"june", "july"}
    manifest = json.loads((tmp_path / "credits.csv.manifest.json").read_text())
    assert (manifest["granted_usd"], manifest["voided_usd"]) == ("3.000000000001", "1")
    assert "the end is not after the start" in read_failure(
        "credits", "focus", *reversed(period), "--out", out
    )
    assert "name a file that ends in" in read_failure(
        "credits", "focus", *period, "--out", tmp_path / "credits.txt"
    )


class Books:
    """Books with usage, in memory."""

    def __init__(self) -> None:
        self.store, self.hours = InMemoryCreditStore(), InMemoryChangedHours()
        self.grant("june", "10", NOON)

    def grant(self, name: str, amount: str, now: datetime) -> None:
        wanted = WantedGrant(id=name, amount=amount, conditions={"project": ("chat",)}, priority=50)
        grant(self.store, wanted, now, is_dry_run=False)

    def use(self, paid: int, beyond: int, at: datetime) -> None:
        """Book usage of the grant and beyond it."""
        balance = self.store.grants["june"]
        key = scope_key(balance.grant.scope)
        changes = {
            get_account(balance.grant): -paid,
            Account(AccountKind.OVERAGE, key): -beyond,
            Account(AccountKind.USAGE, key): paid + beyond,
        }
        entry = CreditEntry(
            id=f"usage-{at:%d%H}",
            kind=EntryKind.USAGE,
            booked_at=at,
            hour=at - HOUR,
            postings=tuple(Posting(*change) for change in changes.items() if change[1]),
        )
        left, version = balance.picodollars - paid, balance.version + 1
        changed = GrantBalance(grant=balance.grant, picodollars=left, version=version)
        self.store.commit(entry, [changed])

    def show(
        self, capsys: pytest.CaptureFixture[str], now: datetime, as_of: datetime | None = None
    ) -> dict[str, Any]:
        capsys.readouterr()
        show_balance(self.store, self.hours, TABLES, as_of=as_of, now=now, is_json=True)
        shown: dict[str, Any] = json.loads(capsys.readouterr().out)
        return shown


def test_a_balance_is_shown_as_of_any_time_of_booking(capsys: pytest.CaptureFixture[str]) -> None:
    books = Books()
    books.use(4 * USD, 0, NOON + HOUR)
    books.use(6 * USD, 1, NOON + DAY)
    now = NOON + 2 * DAY - HOUR
    books.hours.note(NOON, "shard", now)
    books.hours.note(NOON, "recount", now)
    shown = books.show(capsys, now)
    (scope,) = shown["scopes"]
    assert (scope["balance_usd"], scope["overage_usd"]) == ("0", "0.000000000001")
    assert scope["burned_last_24_hours_usd"] == "6.000000000001"
    assert (scope["days_left"], shown["unbooked_hours"]) == (0.0, 1)
    assert [each["state"] for each in shown["grants"]] == ["used up"]
    before = books.show(capsys, now, NOON + 2 * HOUR)
    (scope,) = before["scopes"]
    assert (scope["balance_usd"], scope["overage_usd"]) == ("6", "0")
    assert (scope["burned_last_24_hours_usd"], scope["days_left"]) == ("4", 1.5)
    assert before["unbooked_hours"] is None
    assert books.show(capsys, now, NOON - HOUR)["grants"] == []


def test_a_voided_grant_is_open_before_its_void(capsys: pytest.CaptureFixture[str]) -> None:
    books = Books()
    void_grant(books.store, "june", lambda: NOON + DAY, is_dry_run=False, is_confirmed=True)
    now = NOON + 2 * DAY
    shown, before = books.show(capsys, now), books.show(capsys, now, NOON + HOUR)
    assert ([each["state"] for each in shown["grants"]], shown["scopes"]) == (["voided"], [])
    assert [each["state"] for each in before["grants"]] == ["effective"]
    assert before["scopes"][0]["balance_usd"] == "10"


def test_a_void_has_the_time_after_the_question_and_of_the_last_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Usage that is booked meanwhile is before it."""
    books, hours = Books(), [0]

    def answer(_: str) -> str:
        books.use(2 * USD, 0, NOON + HOUR)
        hours[0] = 2
        books.store.interleaved = [use_more]
        return "void"

    def use_more() -> None:
        books.use(4 * USD, 0, NOON + 3 * HOUR)
        hours[0] = 4

    monkeypatch.setattr("builtins.input", answer)
    void_grant(
        books.store,
        "june",
        lambda: NOON + hours[0] * HOUR,
        is_dry_run=False,
        is_confirmed=False,
    )
    *_, last = books.store.list_entries()
    assert (last.kind, last.booked_at) == (EntryKind.VOID, NOON + 4 * HOUR)


def test_a_void_of_an_expired_grant_ends_credits_of_its_scope(
    capsys: pytest.CaptureFixture[str],
) -> None:
    books = Books()
    balance = books.store.grants["june"]
    ended = replace(balance, grant=replace(balance.grant, expires_at=NOON + HOUR))
    (expiry,) = expire(CreditBook({"june": ended}), NOON + DAY)
    books.store.commit(expiry.entry, expiry.grants)
    now = NOON + 3 * DAY
    assert len(books.show(capsys, now)["scopes"]) == 1
    void_grant(books.store, "june", lambda: NOON + 2 * DAY, is_dry_run=False, is_confirmed=True)
    out = capsys.readouterr().out
    assert "; expired" in out
    assert "the last grant for project chat, which is not under credits any more" in out
    shown, before = books.show(capsys, now), books.show(capsys, now, NOON + 1.5 * DAY)
    assert ([each["state"] for each in shown["grants"]], shown["scopes"]) == (["voided"], [])
    assert [each["state"] for each in before["grants"]] == ["expired"]
    assert len(before["scopes"]) == 1


def test_a_command_is_repeated_with_names_in_another_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = InMemoryCreditStore()
    for names in (("a", "b"), ("b", "a")):
        wanted = WantedGrant(id="june", amount="1", conditions={"project": names}, priority=50)
        grant(store, wanted, NOON, is_dry_run=False)
    assert "Nothing to change." in capsys.readouterr().out
    assert len(list(store.list_entries())) == 1


def test_a_command_is_not_repeated_for_a_grant_that_is_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    books = Books()
    books.use(10 * USD, 0, NOON + HOUR)
    books.grant("june", "10", NOON + DAY)
    assert "It is used up: choose another id" in capsys.readouterr().out
    void_grant(books.store, "june", lambda: NOON + DAY, is_dry_run=False, is_confirmed=True)
    with pytest.raises(CommandError, match="was voided: choose another id"):
        books.grant("june", "10", NOON + DAY)


def test_a_clock_that_is_wrong_books_nothing() -> None:
    headers = {"date": "Tue, 08 Sep 2026 12:00:00 GMT"}
    check_clock(headers, NOON + timedelta(minutes=5))
    check_clock({}, NOON + DAY)
    for now in (NOON - timedelta(minutes=6), NOON + DAY):
        with pytest.raises(CommandError, match="set it right"):
            check_clock(headers, now)


def test_a_grant_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    books = Books()
    books.store.unreadable = ("bad",)
    assert books.show(capsys, NOON)["unreadable_grants"] == ["bad"]
    show_balance(books.store, books.hours, TABLES, as_of=None, now=NOON, is_json=False)
    assert "bad cannot be read, and is left out" in capsys.readouterr().out
    with pytest.raises(CommandError, match="a grant bad is there, and cannot be read"):
        books.grant("bad", "1", NOON)
    with pytest.raises(CommandError, match="bad cannot be read, so it cannot be voided"):
        void_grant(books.store, "bad", lambda: NOON, is_dry_run=False, is_confirmed=True)


def test_usage_that_is_booked_meanwhile_is_not_voided(capsys: pytest.CaptureFixture[str]) -> None:
    books = Books()
    books.store.interleaved.append(lambda: books.use(4 * USD, 0, NOON + HOUR))
    void_grant(books.store, "june", lambda: NOON + DAY, is_dry_run=False, is_confirmed=True)
    assert "Voided: $6.00 is lost." in capsys.readouterr().out


def test_hours_that_wait_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    books = Books()
    for hours in (0, 1):
        books.hours.note(NOON + hours * HOUR, "shard", NOON)
    show_balance(books.store, books.hours, TABLES, as_of=None, now=NOON, is_json=False)
    assert "2 hours wait to be booked." in capsys.readouterr().out


def test_a_department_is_granted_with_a_warning_of_the_gateway(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = WantedGrant(id="june", amount="1", conditions={"department": ("sales",)}, priority=50)
    grant(InMemoryCreditStore(), wanted, NOON, is_dry_run=True)
    assert "The gateway does not know the department of a call" in capsys.readouterr().out
