"""`make price-updates` lists held prices and has decisions carried out; the doctor names them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.local_cloud.price_list import PriceListServer
from cdk.operations import price_updates
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from dashboards.command_line.commands.deny import open_brake
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.domain.pricing.editions import PriceDecision, PriceUpdates
from lambdas.domain.pricing.price_review import first_day_after
from lambdas.functions.price_updater import handler
from tests.aws import lambda_context
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.command_line import call_command
from tests.operations.deployed import RunningFunctions, deploy
from tests.price_list import (
    PRICE_BUCKET,
    change_nova_price,
    read_editions,
    read_updates,
    serve_recorded_prices,
    set_price_updater_variables,
)

CONTEXT = lambda_context(300_000)


@pytest.fixture
def server() -> Iterator[PriceListServer]:
    with serve_recorded_prices() as price_list:
        yield price_list


@pytest.fixture(autouse=True)
def deployed(aws: None, server: PriceListServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_price_updater_variables(monkeypatch, server)
    deploy(stack_names.STORAGE)
    deploy(stack_names.INGESTION)
    functions = RunningFunctions(updater=lambda event: handler.lambda_handler(event, CONTEXT))
    monkeypatch.setattr(price_updates, "open_functions", lambda _: functions)


def command(*arguments: str) -> None:
    call_command("price-updates", *arguments)


def examined() -> CheckResult:
    session = boto3.Session()
    deployment_checks = DeploymentChecks(
        session, Deployment(session.client("cloudformation")), open_brake=open_brake
    )
    (finding,) = (
        finding for finding in deployment_checks.examine() if finding.check == "list prices"
    )
    return finding


def test_the_shipped_prices_are_in_force_before_the_first_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command()
    printed = capsys.readouterr().out
    assert "No prices wait for a decision." in printed
    assert "Last check of the AWS Price List: not yet. In force: the shipped prices." in printed


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({}, "PriceUpdater is not deployed"),
        ({"LogProcessorName": {"Value": "processor"}}, "Updates are off (price_updates)"),
    ],
    ids=["the creation of the stack failed", "updates are off"],
)
def test_the_doctor_says_why_nothing_updates_prices(outputs: dict[str, Any], reason: str) -> None:
    client = boto3.client("cloudformation")
    client.delete_stack(StackName=stack_names.INGESTION)
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    client.create_stack(StackName=stack_names.INGESTION, TemplateBody=json.dumps(template))
    assert examined().text == f"In force: the shipped prices. {reason}."


def test_a_held_price_is_shown_with_both_prices_and_the_reason(
    server: PriceListServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change_nova_price(server, "100")
    command("--check")
    printed = capsys.readouterr().out
    (entry,) = read_updates().held
    (line,) = (line for line in printed.splitlines() if entry.id in line)
    assert "amazon.nova-lite-v1:0 input (region ap-northeast-1)" in line
    assert [word for word in line.split() if word in {"0.072", "7.2"}] == ["0.072", "7.2"]
    assert "changes by more than a factor of 2" in line


def test_accepted_and_rejected_prices_leave_the_list(
    server: PriceListServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change_nova_price(server, "100")
    command("--check")
    (entry,) = read_updates().held
    command(f"--reject={entry.id}")
    printed = capsys.readouterr().out
    assert "Prices are unchanged." in printed
    assert f"Rejected: {entry.id}, amazon.nova-lite-v1:0 input" in printed
    command(f"--accept={entry.id},")
    edition = read_updates().edition
    assert edition is not None
    printed = capsys.readouterr().out
    first_day = first_day_after(read_updates().editions[-1].published_at)
    assert f"Edition {edition} has 1 change." in printed
    assert f"Edition {edition}: 1 change, from {first_day} on, UTC" in printed
    assert read_editions().read_edition(edition).changes[-1].usd == Decimal("7.2")


def test_a_decision_has_the_id_of_the_person_where_governance_is_on(
    server: PriceListServer,
) -> None:
    change_nova_price(server, "100")
    command("--check")
    (entry,) = read_updates().held
    last = read_updates().last_change
    assert last is not None
    assert (last.decision, last.made_by) == (PriceDecision.CHECK, "meter:price_updater")
    command(f"--reject={entry.id}")
    last = read_updates().last_change
    assert last is not None
    assert (last.decision, last.made_by) == (PriceDecision.REJECT, None)
    create_governance_table()
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    command(f"--accept={entry.id}")
    people = DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)
    (person,) = people.read_names()
    last = read_updates().last_change
    assert last is not None
    assert (last.decision, last.made_by) == (PriceDecision.ACCEPT, person)


def test_an_edition_is_superseded_with_a_reason(
    server: PriceListServer, capsys: pytest.CaptureFixture[str]
) -> None:
    change_nova_price(server, "1.5")
    command("--check")
    edition = read_updates().edition
    assert edition is not None
    with pytest.raises(FailedCommand, match="give the reason"):
        command(f"--supersede={edition}")
    command(f"--supersede={edition}", "--reason=AWS's file was wrong")
    printed = capsys.readouterr().out
    assert "removes the changes" in printed
    assert f"supersedes {edition}: AWS's file was wrong" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--accept=00000000"], "00000000 is not held"),
        (["--reject=all"], "no price is held"),
        (["--accept=a", "--reject=b"], "use only one of"),
        (["--accept=a", "--check"], "use only one of"),
        (["--supersede=x", "--reason=y"], "no change of edition x is in force"),
    ],
)
def test_errors_are_reported_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(FailedCommand, match=message):
        command(*arguments)


def test_an_unreadable_price_list_is_reported(server: PriceListServer) -> None:
    server.files.clear()
    with pytest.raises(FailedCommand, match="no offer has a file for this Region"):
        command("--check")


def test_a_failing_function_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_BUCKET", "no-such-bucket")
    with pytest.raises(FailedCommand, match="updater failed with PriceEditionsUnavailableError"):
        command("--check")


def test_a_missing_function_is_reported_with_how_to_switch_it_on() -> None:
    boto3.client("cloudformation").delete_stack(StackName=stack_names.INGESTION)
    with pytest.raises(FailedCommand, match="price updates are off"):
        command("--check")


def test_a_damaged_state_is_reported() -> None:
    boto3.client("s3").put_object(Bucket=PRICE_BUCKET, Key="current.json", Body=b"{}{")
    with pytest.raises(FailedCommand, match=r"prices/current\.json is not valid"):
        command()
    assert examined().status is Status.PROBLEM


def test_the_doctor_lists_held_prices(server: PriceListServer) -> None:
    finding = examined()
    assert (finding.status, "has not been read yet" in finding.text) == (Status.WARNING, True)
    command("--check")
    finding = examined()
    assert finding.status is Status.OK
    assert "the AWS Price List was read 0 hours ago" in finding.text
    change_nova_price(server, "100")
    command("--check")
    finding = examined()
    assert finding.status is Status.WARNING
    assert "1 held price (make price-updates)" in finding.text
    assert "amazon.nova-lite-v1:0 input (region ap-northeast-1)" in finding.text


def test_the_doctor_reports_an_outdated_price_list() -> None:
    checked_at = datetime.now(UTC) - timedelta(days=3, minutes=1)
    read_editions().publish(PriceUpdates(checked_at=checked_at), None)
    finding = examined()
    assert finding.status is Status.PROBLEM
    assert "was read 72 hours ago" in finding.text
    assert "docs/runbooks/PriceListAge.md" in finding.text


def test_the_doctor_reports_disabled_price_updates() -> None:
    client = boto3.client("cloudformation")
    client.delete_stack(StackName=stack_names.INGESTION)
    assert examined().text == "Not deployed yet."
