"""`bedrock-meter deny` lists and releases denied callers, and sets the switch."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.denies import release_callers, set_switch
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.brake import DenyState
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.command_line import call_command
from tests.operations.deployed import deploy
from tests.operations.test_budgets import read_failure
from tests.unit.brake.builders import ANA_SESSION, CHAT, deny

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
    denies.write(replace(denied, attached_at=denied.decided_at))
    denies.write(deny(target=ANA_SESSION))


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
def test_without_denies_the_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No caller is denied." in run(capsys, "list")
    assert "No caller is denied." in run(capsys, "release", "--all")


@pytest.mark.usefixtures("deployed")
def test_one_caller_is_released_until_the_period_ends(capsys: pytest.CaptureFixture[str]) -> None:
    store_denies()
    printed = run(capsys, "release", CHAT.arn)
    assert printed.startswith(f"Released: {CHAT.arn}, until ")
    (release,) = state().list_releases()
    assert (release.target_arn, release.by, release.until) == (CHAT.arn, OPERATOR, None)


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
    assert (state().read_switch().is_on, state().read_switch().by) == (True, OPERATOR)
    assert "The brake is on since " in run(capsys, "list")
    printed = run(capsys, "switch", "off")
    assert "The brake is off: 2 callers will be released, and none is denied." in printed
    assert not state().read_switch().is_on


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
