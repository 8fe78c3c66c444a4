"""`bedrock-meter deny` lists and releases denied callers, and sets the switch."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.denies import release_callers, set_switch
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.domain.brake import DenyState, Obstacle, SessionTarget
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.command_line import call_command
from tests.operations.deployed import deploy
from tests.operations.test_budgets import read_failure
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, CHAT, deny

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


def read_recorded() -> list[dict[str, Any]]:
    """The events for the audit trail, by their ids."""
    items = boto3.client("dynamodb").query(
        TableName=GOVERNANCE,
        KeyConditionExpression="pk = :events",
        ExpressionAttributeValues={":events": {"S": "audit-events"}},
    )["Items"]
    return [{name: value.get("S", value) for name, value in item.items()} for item in items]


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
    printed = run(capsys, "list")
    assert printed.startswith("The brake is off. It was never switched on: bedrock-meter deny")
    text = "".join(printed.replace("│", " ").split())
    for target in (CHAT, ANA_SESSION):
        assert target.arn in text or target.arn[:30] in text
    assert "denied" in text
    assert "attaching" in text
    assert "used(" in text


@pytest.mark.usefixtures("deployed")
def test_the_list_has_the_obstacle_of_a_deny_and_of_a_release(
    capsys: pytest.CaptureFixture[str],
) -> None:
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    denies.write(deny(target=BEN_USER, obstacle=Obstacle.NO_FREE_SLOT), None)
    refused = deny(state=DenyState.RELEASING, obstacle=Obstacle.NOT_PERMITTED)
    denies.write(replace(refused, target=CHAT), None)
    words = run(capsys, "list").replace("│", " ").split()
    states = [word for word in words if word in {"attaching,", "releasing,", *Obstacle}]
    assert states == ["releasing,", "not_permitted", "attaching,", "no_free_slot"]


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
    (recorded,) = read_recorded()
    assert (recorded["action"], recorded["changed_by"], recorded["subject"]) == (
        *("deny.release_by_hand", operator_id(), f"principal:{CHAT.arn}"),
    )


@pytest.mark.usefixtures("deployed")
def test_a_second_release_is_recorded_with_the_first_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_denies()
    run(capsys, "release", CHAT.arn)
    run(capsys, "release", CHAT.arn, "--until", SOON.isoformat())
    found = {each["after"]: each["before"] for each in read_recorded()}
    assert len(found) == 2
    (first,) = (after for after, before in found.items() if before == "null")
    assert first in found.values()


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
        f" {deny(target=CHAT).causes[0].key.budget} is lowered."
    )


@pytest.mark.usefixtures("deployed")
def test_a_caller_that_is_not_denied_is_reported_and_none_is_released() -> None:
    store_denies()
    message, *_ = read_failure("deny", "release", CHAT.arn, "arn:aws:iam::111122223333:user/x")
    assert message.startswith("deny release: not denied: arn:aws:iam::111122223333:user/x.")
    assert list(state().list_releases()) == []


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Name callers by their ARNs, or release all with --all."),
        (["--all", CHAT.arn], "Name callers by their ARNs, or release all with --all."),
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
    printed = run(capsys, "switch", "off")
    assert "The brake is off: 2 callers will be released, and none is denied." in printed
    assert not state().read_switch().is_on
    recorded = [(each["action"], each["changed_by"]) for each in read_recorded()]
    assert recorded == [("brake.switch", operator_id())] * 2


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
    problem = "the brake is not deployed in this Region: set governance and brake"
    assert message.startswith(f"deny {arguments[0]}: {problem}")
