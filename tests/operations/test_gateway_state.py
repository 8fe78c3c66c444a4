"""The gateway in `make doctor`: its URL, or the room for its concurrency before it is deployed."""

from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from dashboards.command_line.commands.deny import open_brake
from tests.operations.deployed import deploy


def check(unreserved: int = 900, **settings: Any) -> CheckResult:
    """Check the gateway in an account with so many concurrent executions without a reservation."""
    session = boto3.Session()
    limits = {"AccountLimit": {"UnreservedConcurrentExecutions": unreserved}}
    session.events.register(
        "before-call.lambda.GetAccountSettings",
        lambda **_: (type("Answer", (), {"status_code": 200}), limits),  # type: ignore[arg-type]
    )
    deployment = Deployment(session.client("cloudformation"))
    return find_check(session, deployment, **settings)


def find_check(session: boto3.Session, deployment: Deployment, **settings: Any) -> CheckResult:
    results = DeploymentChecks(session, deployment, **settings, open_brake=open_brake).examine()
    return next(result for result in results if result.check == "gateway")


@pytest.mark.usefixtures("aws")
def test_a_gateway_that_is_off_needs_no_room() -> None:
    found = check(unreserved=0, stacks=(stack_names.STORAGE,))
    assert (found.status, found.text) == (Status.OK, "Off: switch it on by gateway in cdk.json.")


@pytest.mark.usefixtures("aws")
def test_the_url_of_a_deployed_gateway_is_reported() -> None:
    deploy(stack_names.GATEWAY, GatewayUrl="https://abc.lambda-url.us-east-1.on.aws/")
    found = check(unreserved=0, reserved_concurrency=50)
    assert (found.status, found.text) == (
        Status.OK,
        "Callers reach it at https://abc.lambda-url.us-east-1.on.aws/",
    )


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("unreserved", "status", "advice"),
    [
        (150, Status.OK, "the account can reserve 50 more."),
        (149, Status.PROBLEM, 'set it to 49 at most, or to "none", or request a higher quota'),
        (10, Status.PROBLEM, 'reserve 0 more: set it to "none", or request a higher quota'),
    ],
)
def test_lambda_keeps_a_hundred_calls_unreserved(
    unreserved: int, status: Status, advice: str
) -> None:
    found = check(unreserved, reserved_concurrency=50)
    assert found.status is status
    assert advice in found.text


@pytest.mark.usefixtures("aws")
def test_a_gateway_without_a_reservation_fits_every_account() -> None:
    assert check(unreserved=10, reserved_concurrency=None).status is Status.OK


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("destination", "status"), [("XRay", Status.WARNING), ("CloudWatchLogs", Status.OK)]
)
def test_traces_need_transaction_search(destination: str, status: Status) -> None:
    deploy(stack_names.GATEWAY, GatewayUrl="https://abc.lambda-url.us-east-1.on.aws/")
    session = boto3.Session()
    answer = {"Destination": destination, "Status": "ACTIVE"}
    session.events.register(
        "before-call.xray.GetTraceSegmentDestination",
        lambda **_: (type("Answer", (), {"status_code": 200}), answer),  # type: ignore[arg-type]
    )
    deployment = Deployment(session.client("cloudformation"))
    found = find_check(session, deployment, has_traces=True)
    assert found.status is status
    assert ("Transaction Search" in found.text) is (status is Status.WARNING)
