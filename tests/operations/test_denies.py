"""`bedrock-meter deny` lists and releases denied callers, and sets the switch."""

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.denies import list_denies, release_callers, set_switch, undo_releases
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.dynamodb.brake_items import query_partition
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.domain.brake import CauseKey, DenyState, Obstacle, SessionTarget
from lambdas.domain.brake.credit_causes import make_credit_cause
from lambdas.domain.brake.wanted import WINDOW_OVERLAP
from lambdas.domain.budgets import Budget, BudgetChanges, BudgetScope, RollingHours
from lambdas.domain.budgets.governance_table import BRAKE, RELEASES
from lambdas.domain.credits import ExhaustedScope, find_unpaid
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import BEN, NOON
from tests.command_line import call_command
from tests.exhausted_credits import make_balance, make_book
from tests.operations.deployed import deploy
from tests.operations.test_budgets import read_failure
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, CHAT, MIDNIGHT, cause, daily, deny
from tests.unit.budgets.builders import DOLLAR

OPERATOR = "arn:aws:sts::123456789012:user/moto"
SOON = datetime.now(UTC) + timedelta(hours=2)


@pytest.fixture
def deployed(aws: None) -> None:
    """Deploy the meter with the brake."""
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, BrakeControllerName="BrakeController")


def state() -> DynamoDbBrakeState:
    return DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)


def store_denies() -> None:
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    denied = deny(target=CHAT, state=DenyState.DENIED)
    denies.write(replace(denied, attached_at=denied.decided_at), None)
    denies.write(deny(target=ANA_SESSION), None)


def read_actors(partition: str) -> list[str]:
    """The actors in the marks of decisions, by which the audit trail knows who made them."""
    items = query_partition(boto3.client("dynamodb"), GOVERNANCE, partition)
    return [item["changed_by"]["S"] for item in items if "change_id" in item]


def operator_id() -> str:
    directory = DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)
    ids = {arn: person_id for person_id, arn in directory.read_names().items()}
    return ids[OPERATOR]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    call_command("deny", *arguments)
    return capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_denied_callers_are_listed_with_their_budgets(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    place, switch, _, *blocks = run(capsys, "list").splitlines()
    assert place == "Account 123456789012, Region us-east-1"
    assert switch.startswith("The brake is off. It was never switched on: bedrock-meter deny")
    decided_at, until = "2026-09-08 12:00 UTC", "2026-09-09 00:00 UTC"
    assert blocks == [
        CHAT.arn,
        f"  State: denied since {decided_at}",
        f"  Until: {until}",
        "  Budget daily: $10.00 of $10.00 used, 100%",
        "",
        ANA_SESSION.arn,
        f"  State: attaching since {decided_at}",
        f"  Until: {until}",
        "  Budget daily: $10.00 of $10.00 used, 100%",
        "",
        "To release a caller: bedrock-meter deny release ARN",
    ]


class Terminal(io.StringIO):
    """A terminal, whose width is in the environment."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("deployed")
def test_the_list_fits_a_narrow_terminal_and_cuts_no_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SessionTarget(CHAT, "s" * 64)
    early = cause(used=8 * DOLLAR, reserve=2 * DOLLAR)
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    denies.write(deny(target=session, causes=(early,)), None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "60")
    call_command("deny", "list")
    lines = terminal.getvalue().splitlines()
    assert [line for line in lines if len(line) > 60] == [session.arn]
    expected = "Budget daily: $8.00 of $10.00 used, 80%, and $2.00 expected before a deny"
    assert expected in " ".join(" ".join(lines).split())


@pytest.mark.usefixtures("deployed")
def test_the_list_says_that_a_window_moves(capsys: pytest.CaptureFixture[str]) -> None:
    moving = cause(until=MIDNIGHT + WINDOW_OVERLAP)
    DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE).write(deny(causes=(moving,)), None)
    until = "Until: 2026-09-09 00:10 UTC or later: the window moves by the hour"
    assert until in run(capsys, "list")


@pytest.mark.usefixtures("deployed")
def test_the_list_has_each_state_with_its_time_and_the_obstacle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    denies.write(deny(target=BEN_USER, obstacle=Obstacle.NO_FREE_SLOT), None)
    refused = deny(state=DenyState.RELEASING, obstacle=Obstacle.NOT_PERMITTED)
    denies.write(replace(refused, target=CHAT), None)
    contested = deny(target=ANA_SESSION, state=DenyState.CONTESTED)
    denies.write(replace(contested, contested_at=MIDNIGHT), None)
    lines = [line.strip() for line in run(capsys, "list").splitlines()]
    assert [line for line in lines if line.startswith(("State", "Obstacle"))] == [
        "State: releasing, denied since 2026-09-08 12:00 UTC",
        "Obstacle: not_permitted",
        "State: attaching since 2026-09-08 12:00 UTC",
        "Obstacle: no_free_slot",
        "State: contested since 2026-09-09 00:00 UTC",
    ]


@pytest.mark.usefixtures("deployed")
def test_without_denies_the_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No caller is denied." in run(capsys, "list")
    assert "No caller is denied." in run(capsys, "release", "--all")


@pytest.mark.usefixtures("deployed")
def test_one_caller_is_released_until_the_period_ends(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    printed = run(capsys, "release", CHAT.arn)
    assert printed.startswith(f"Released: {CHAT.arn}, until ")
    (release,) = state().list_releases()
    assert (release.target_arn, release.by, release.until) == (CHAT.arn, operator_id(), None)
    assert read_actors(RELEASES) == [operator_id()]


@pytest.mark.usefixtures("deployed")
def test_a_session_whose_role_stays_denied_is_not_said_to_be_released(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_denies()
    printed = run(capsys, "release", ANA_SESSION.arn)
    assert printed.startswith(f"Still denied with its role: {ANA_SESSION.arn}. To release the role")
    assert f"bedrock-meter deny release {CHAT.arn}\n" in printed
    assert "Released" not in printed
    assert "Still" not in run(capsys, "release", ANA_SESSION.arn, CHAT.arn)
    assert len(list(state().list_releases())) == 2


@pytest.mark.usefixtures("deployed")
def test_sessions_without_room_are_listed_and_released_but_are_not_denied(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting = deny(target=ANA_SESSION, state=DenyState.NO_ROOM)
    DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE).write(waiting, None)
    assert "no_room" in run(capsys, "list")
    assert "0 callers will be released" in run(capsys, "switch", "off")
    assert f"Released: {ANA_SESSION.arn}, until " in run(capsys, "release", "--all")


@pytest.mark.usefixtures("deployed")
def test_a_role_is_released_with_its_sessions_that_have_no_room(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The role would be denied again for those that its deny does not name."""
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    denies.write(deny(target=CHAT, state=DenyState.DENIED), None)
    denies.write(deny(target=ANA_SESSION, state=DenyState.NO_ROOM), None)
    denies.write(deny(target=SessionTarget(CHAT, "denied"), state=DenyState.DENIED), None)
    assert run(capsys, "release", CHAT.arn).count("Released") == 1
    released = {release.target_arn for release in state().list_releases()}
    assert released == {CHAT.arn, ANA_SESSION.arn}


@pytest.mark.usefixtures("deployed")
def test_all_callers_are_released_until_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    run(capsys, "release", "--all", "--until", SOON.isoformat())
    assert {release.target_arn for release in state().list_releases()} == {
        CHAT.arn,
        ANA_SESSION.arn,
    }
    assert {release.until for release in state().list_releases()} == {SOON}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("hours", [1, 24 * 365])
def test_a_release_ends_with_the_period_even_if_a_later_end_is_named(
    hours: int, capsys: pytest.CaptureFixture[str]
) -> None:
    store_denies()
    (period_end,) = {cause.key.period.end for cause in deny(target=CHAT).causes}
    until, now = period_end - timedelta(hours=2), period_end - timedelta(hours=4)
    brake = open_brake(boto3.Session())
    release_callers(brake, [CHAT.arn], until=until + timedelta(hours=hours), now=now)
    end = min(period_end, until + timedelta(hours=hours))
    (printed, _) = capsys.readouterr().out.splitlines()
    assert printed == (
        f"Released: {CHAT.arn}, until {end:%Y-%m-%d %H:%M} UTC, unless the budget"
        f" {deny(target=CHAT).causes[0].key.budget} is lowered or built again."
    )


@pytest.mark.usefixtures("deployed")
def test_a_caller_that_is_not_denied_is_reported_and_none_is_released() -> None:
    store_denies()
    message, *_ = read_failure("deny", "release", CHAT.arn, "arn:aws:iam::111122223333:user/x")
    assert message.startswith("deny release: not denied: arn:aws:iam::111122223333:user/x.")
    assert list(state().list_releases()) == []


@pytest.mark.usefixtures("deployed")
def test_the_arn_of_a_session_leads_to_its_denied_role() -> None:
    """The error of a refused call names the session."""
    store_denies()
    session = SessionTarget(CHAT, "ben").arn
    message, *_ = read_failure("deny", "release", session)
    assert message == (
        f"deny release: not denied: {session}, but {CHAT.arn} is denied, with all its sessions."
        " bedrock-meter deny list shows who is."
    )


@pytest.mark.usefixtures("deployed")
def test_a_release_from_a_window_is_said_to_hold_until_the_window_has_moved_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    day = RollingHours(24).period_at(NOON)
    key = CauseKey("daily", 1, "", day)
    moving = cause(key=key, until=day.end + WINDOW_OVERLAP)
    DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE).write(
        deny(target=CHAT, causes=(moving,)), None
    )
    release_callers(open_brake(boto3.Session()), [CHAT.arn], until=None, now=NOON)
    assert "until 2026-09-09 12:00 UTC, unless" in capsys.readouterr().out
    (release,) = state().list_releases()
    last = RollingHours(24).period_at(NOON + timedelta(hours=24, microseconds=-1))
    next_one = RollingHours(24).period_at(NOON + timedelta(hours=24))
    covered = [
        release.covers(CHAT.arn, key._replace(period=period), moving.amount.limit, NOON)
        for period in (last, next_one)
    ]
    assert covered == [True, False]


def store_released_budget() -> None:
    """Store the budget of the denies, in the generation that they are for."""
    book = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    assert book.write(BudgetChanges((daily(),)), 0).budgets["daily"].generation == 1


def release_now(*arns: str) -> datetime:
    """Release denied callers at a time in their period; returns the time."""
    release_callers(open_brake(boto3.Session()), arns, until=None, now=NOON)
    return NOON + timedelta(minutes=1)


@pytest.mark.usefixtures("deployed")
def test_releases_in_force_are_listed_with_their_end_and_who_made_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_denies()
    store_released_budget()
    now = release_now(CHAT.arn)
    capsys.readouterr()
    list_denies(open_brake(boto3.Session()), now)
    _, released = capsys.readouterr().out.split("Released by hand:\n")
    assert released.splitlines() == [
        "",
        CHAT.arn,
        f"  Budget daily: until 2026-09-09 00:00 UTC, by {OPERATOR}",
        "",
        "To end a release: bedrock-meter deny release --undo ARN",
    ]
    list_denies(open_brake(boto3.Session()), MIDNIGHT)
    assert "Released by hand" not in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("change", [daily(limit=9), None])
def test_a_release_that_a_change_of_the_budget_has_ended_is_not_listed(
    change: Budget | None, capsys: pytest.CaptureFixture[str]
) -> None:
    store_denies()
    store_released_budget()
    now = release_now(CHAT.arn)
    rebuilt = BudgetChanges((daily(),))
    changes = rebuilt if change is None else BudgetChanges(amended=(change,))
    DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE).write(changes, 1)
    list_denies(open_brake(boto3.Session()), now)
    assert "Released by hand" not in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_a_release_is_undone_and_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    store_released_budget()
    now = release_now(CHAT.arn, ANA_SESSION.arn)
    capsys.readouterr()
    undo_releases(open_brake(boto3.Session()), [CHAT.arn], now=now)
    assert f"No longer released: {CHAT.arn}." in capsys.readouterr().out
    ends = {release.target_arn: release.until for release in state().list_releases()}
    assert ends == {CHAT.arn: now, ANA_SESSION.arn: None}
    assert set(read_actors(RELEASES)) == {operator_id()}
    undo_releases(open_brake(boto3.Session()), [], now=now)
    assert f"No longer released: {ANA_SESSION.arn}." in capsys.readouterr().out
    undo_releases(open_brake(boto3.Session()), [], now=now)
    assert capsys.readouterr().out == "No caller is released by hand.\n"


@pytest.mark.usefixtures("deployed")
def test_a_caller_that_is_not_released_is_reported_and_no_release_is_ended() -> None:
    store_denies()
    message, *_ = read_failure("deny", "release", "--undo", CHAT.arn)
    assert message.startswith(f"deny release: not released: {CHAT.arn}. bedrock-meter deny list")
    message, *_ = read_failure("deny", "release", "--undo", CHAT.arn, "--until", SOON.isoformat())
    assert "leave out --until" in message


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Name callers by their ARNs, or all of them with --all."),
        (["--all", CHAT.arn], "Name callers by their ARNs, or all of them with --all."),
        (["--all", "--until", "2020-01-01"], "--until has passed: 2020-01-01 00:00 UTC."),
        (["--all", "--until", "tomorrow"], "not a time in ISO 8601"),
    ],
)
def test_wrong_arguments_are_reported(arguments: list[str], problem: str) -> None:
    assert problem in read_failure("deny", "release", *arguments)[0]


@pytest.mark.usefixtures("deployed")
def test_the_brake_is_switched_on_and_off(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    assert "The brake is on: callers whose budgets are used up" in run(capsys, "switch", "on")
    assert (state().read_switch().is_on, state().read_switch().by) == (*(True, operator_id()),)
    assert OPERATOR in run(capsys, "list")
    contested = deny(target=BEN_USER, state=DenyState.CONTESTED)
    DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE).write(contested, None)
    printed = run(capsys, "switch", "off")
    assert "The brake is off: 2 callers will be released, and none is denied." in printed
    assert not state().read_switch().is_on
    assert read_actors(BRAKE) == [operator_id()]


@pytest.mark.usefixtures("deployed")
def test_a_switch_without_a_budget_that_denies_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    warning = 'No budget has "brake": "deny", so no caller is denied yet.'
    assert warning in run(capsys, "switch", "on")
    store_released_budget()
    assert warning not in run(capsys, "switch", "on")


class Runs:
    """Counts starts."""

    def __init__(self) -> None:
        self.started = 0

    def start(self) -> None:
        self.started += 1


@pytest.mark.usefixtures("deployed")
def test_decisions_start_the_brake_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    runs = Runs()
    brake = replace(open_brake(boto3.Session()), runs=runs)
    set_switch(brake, is_on=True, now=datetime.now(UTC))
    release_callers(brake, [CHAT.arn], until=None, now=datetime.now(UTC))
    assert runs.started == 2
    assert capsys.readouterr().out.count("It takes effect in some seconds.") == 2


@pytest.mark.usefixtures("deployed")
def test_a_run_that_cannot_be_started_is_that_of_the_next_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = run(capsys, "switch", "on")
    assert printed.endswith("It takes effect within a minute.\n")  # there is no such function
    assert state().read_switch().is_on


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("arguments", [["list"], ["release", "--all"], ["switch", "off"]])
def test_a_deployment_without_the_brake_says_what_to_do(arguments: list[str]) -> None:
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    message, *_ = read_failure("deny", *arguments)
    problem = "the brake is not deployed in us-east-1: set AWS_REGION, or set governance"
    assert message.startswith(f"deny {arguments[0]}: {problem}")


@pytest.mark.usefixtures("deployed")
def test_a_caller_without_credits_is_listed_and_released_by_hand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = datetime.now(UTC)
    scope = BudgetScope(identity=(BEN,))
    noticed = ExhaustedScope(scope=scope, since=now, because="grant june is used up")
    (unpaid,) = find_unpaid([noticed], make_book(make_balance("june", scope)), now)
    denied = deny(causes=(make_credit_cause(unpaid, now),), decided_at=now)
    DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE).write(denied, None)
    assert f"Credits of identity {BEN}: $10.00 of $10.00 used, 100%" in run(capsys, "list")
    released = run(capsys, "release", BEN)
    assert released.startswith(f"Released: {BEN}, until ")
    assert "lowered" not in released
    shown = run(capsys, "list").partition("Released by hand:")[2]
    assert f"Credits of identity {BEN}: until " in shown
    run(capsys, "release", BEN, "--undo")
    assert "Released by hand:" not in run(capsys, "list")
