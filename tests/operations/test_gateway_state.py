"""The gateway in `make doctor`: its state, and before a deployment the room for its concurrency."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from dashboards.command_line.commands.deny import open_brake
from dashboards.command_line.commands.limits import open_gateway
from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.adapters.dynamodb.policy_store import POLICIES_KEY
from lambdas.domain.api_keys import ApiKey, create_key
from tests.budget_store import GOVERNANCE
from tests.operations.gateway_account import (
    LIMITS,
    OWN_ROLE,
    ROLE,
    GatewayUrl,
    deploy_gateway,
    open_url,
    switch_expiry,
    write_trust,
)

TOKENS = {"unit": "total", "amount": 1, "per": "60s"}


def check(
    unreserved: int = 900, answers: Mapping[str, tuple[int, Any]] | None = None, **settings: Any
) -> CheckResult:
    """Check the gateway in an account with so many concurrent executions without a reservation."""
    session = boto3.Session()
    limits = {"AccountLimit": {"UnreservedConcurrentExecutions": unreserved}}
    given = {
        "lambda.GetAccountSettings": (200, limits),
        "lambda.GetFunctionConfiguration": (200, {"Role": OWN_ROLE}),
        **(answers or {}),
    }
    for operation, (status, content) in given.items():
        answer = type("Answer", (), {"status_code": status}), content
        session.events.register(
            f"before-call.{operation}",
            lambda answer=answer, **_: answer,
        )
    deployment = Deployment(session.client("cloudformation"))
    return find_check(session, deployment, **settings)


def find_check(session: boto3.Session, deployment: Deployment, **settings: Any) -> CheckResult:
    openers: dict[str, Any] = {"open_brake": open_brake, "open_gateway": open_gateway}
    results = DeploymentChecks(session, deployment, **openers, **settings).examine()
    return next(result for result in results if result.check == "gateway")


@pytest.fixture
def server() -> Iterator[GatewayUrl]:
    with open_url() as server:
        yield server


@pytest.fixture
def deployed(aws: None, server: GatewayUrl) -> GatewayUrl:
    deploy_gateway(server.url)
    return server


def make_key(number: int, *, days: int | None = None, tier: str | None = None) -> ApiKey:
    """Store a key that was made ten days ago."""
    made_at = datetime.now(UTC) - timedelta(days=10)
    lifetime = None if days is None else timedelta(days=days)
    _, key = create_key(bytes([number] * 32), "ana", made_at, tier=tier, lifetime=lifetime)
    DynamoDbApiKeyChanges(boto3.client("dynamodb"), GOVERNANCE, None).create(key)
    return key


def write_policies(document: Any) -> None:
    content = document if isinstance(document, str) else json.dumps(document)
    item: Any = {**POLICIES_KEY, "content": {"S": content}, "revision": {"N": "1"}}
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)


def count_call(identity: str) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace="BedrockMeter",
        MetricData=[
            {
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "IdentityArn", "Value": identity}],
                "Value": 1,
            }
        ],
    )


@pytest.mark.usefixtures("aws")
def test_a_gateway_that_is_off_needs_no_room() -> None:
    found = check(unreserved=0, stacks=(stack_names.STORAGE,))
    assert (found.status, found.text) == (Status.OK, "Off: switch it on by gateway in cdk.json.")


def test_a_gateway_that_works_is_reported_with_its_url(deployed: GatewayUrl) -> None:
    found = check(unreserved=0, reserved_concurrency=50)
    assert found.status is Status.OK, found.text
    assert found.text == (
        "0 valid keys. There are no policies, so calls are not limited. Callers reach it at"
        f" {deployed.url}"
    )
    assert deployed.paths == ["/model/none/converse"]


def test_a_gateway_that_the_settings_do_not_have_is_a_warning(deployed: GatewayUrl) -> None:
    found = check(stacks=(stack_names.STORAGE,))
    assert found.status is Status.WARNING
    assert found.text.startswith("It is deployed, but the setting gateway is off. 0 valid")
    assert deployed.paths


@pytest.mark.parametrize(
    ("status", "headers", "problem"),
    [
        (403, {}, "a policy of the organization may forbid public URLs"),
        (200, {}, "It answers a request without a key with status 200 in place of 403"),
        (502, {"x-amzn-errortype": "X"}, "status 502 in place of 403"),
    ],
)
def test_a_url_that_does_not_refuse_requests_without_a_key_is_a_problem(
    deployed: GatewayUrl, status: int, headers: dict[str, str], problem: str
) -> None:
    deployed.answer = status, headers
    found = check()
    assert found.status is Status.PROBLEM
    assert problem in found.text


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    "trusted",
    [
        (OWN_ROLE, "arn:aws:iam::123456789012:role/other"),
        ("arn:aws:iam::123456789012:root",),
        ("AROAEXAMPLE",),
    ],
)
def test_a_caller_role_that_others_can_assume_is_a_problem(trusted: tuple[str, ...]) -> None:
    boto3.client("iam").update_assume_role_policy(
        RoleName=ROLE, PolicyDocument=write_trust(*trusted)
    )
    found = check()
    assert found.status is Status.PROBLEM
    assert found.text.startswith(f"{ROLE} trusts ")
    assert trusted[-1] in found.text


@pytest.mark.usefixtures("deployed")
def test_limits_that_do_not_expire_are_a_problem() -> None:
    switch_expiry(is_on=False)
    found = check()
    assert found.status is Status.PROBLEM
    assert f"{LIMITS} keeps the limits of callers for good" in found.text


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("content", ["{", '{"policies": [{"name": "x"}]}'])
def test_policies_that_cannot_be_read_are_a_problem(content: str) -> None:
    write_policies(content)
    found = check()
    assert found.status is Status.PROBLEM
    assert found.text.startswith("The stored policies cannot be read, so calls are refused")


@pytest.mark.usefixtures("deployed")
def test_policies_and_keys_are_named() -> None:
    write_policies(
        {
            "policies": [{"name": "everyone", "limits": [TOKENS], "fail": "open"}],
            "tiers": {
                "base": {"policies": [{"name": "tokens", "limits": [TOKENS]}]},
                "gold": {"extends": "base"},
                "silver": {"extends": "base"},
            },
        }
    )
    ending = make_key(1, days=12, tier="gold")
    expired = make_key(2, days=5)
    make_key(3)
    found = check()
    assert found.status is Status.OK, found.text
    for text in (
        f"2 valid keys. Within 7 days expire: {ending.prefix}. Expired: {expired.prefix}.",
        "Policies: base/tokens, everyone. No valid key has the tier silver.",
        "While limits cannot be checked, these policies admit calls: everyone.",
    ):
        assert text in found.text


@pytest.mark.usefixtures("deployed")
def test_keys_without_a_tier_are_named_where_there_are_tiers() -> None:
    key = make_key(1)
    write_policies({"policies": [{"name": "everyone", "limits": [TOKENS]}]})
    assert "Without a tier" not in check().text
    write_policies({"tiers": {"gold": {"policies": [{"name": "tokens", "limits": [TOKENS]}]}}})
    expected = f"Without a tier, so with none of the policies of tiers: {key.prefix}."
    assert expected in check().text


@pytest.mark.usefixtures("deployed")
def test_a_valid_key_whose_tier_no_policy_has_is_a_warning() -> None:
    write_policies({"tiers": {"gold": {"policies": [{"name": "tokens", "limits": [TOKENS]}]}}})
    refused = make_key(1, tier="platinum")
    make_key(2, tier="platinum", days=5)  # expired
    found = check()
    assert found.status is Status.WARNING
    assert f"No policy has the tier of {refused.prefix}: refused." in found.text


@pytest.mark.usefixtures("deployed")
def test_callers_who_go_around_it_are_named() -> None:
    account = "arn:aws:sts::123456789012:assumed-role"
    count_call(f"{account}/{ROLE}/ana@example.com")
    count_call("__other__")
    assert "around it" not in check().text
    count_call(f"{account}/chat/ben")
    found = check()
    assert found.status is Status.OK
    assert f"Within 14 days, 1 caller called models around it: {account}/chat/ben." in found.text


@pytest.mark.usefixtures("deployed")
def test_a_url_that_does_not_answer_is_unknown(server: GatewayUrl) -> None:
    server.close()
    found = check()
    assert found.status is Status.UNKNOWN
    assert found.text.startswith("Could not ask its URL: Could not connect to the endpoint URL")
    assert "There are no policies, so calls are not limited." in found.text


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


def check_traces(answer: tuple[int, dict[str, Any]]) -> CheckResult:
    """Check a gateway that sends traces, where X-Ray has one answer."""
    status, content = answer
    return check(answers={"xray.GetTraceSegmentDestination": (status, content)}, has_traces=True)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(("destination", "is_missing"), [("XRay", True), ("CloudWatchLogs", False)])
def test_traces_need_transaction_search(destination: str, *, is_missing: bool) -> None:
    found = check_traces((200, {"Destination": destination, "Status": "ACTIVE"}))
    advice = "switch CloudWatch Transaction Search on"
    assert ((found.status, advice in found.text) == (Status.WARNING, True)) is is_missing
    assert "Callers reach it at" in found.text


@pytest.mark.usefixtures("deployed")
def test_the_gateway_is_checked_where_traces_cannot_be() -> None:
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}
    found = check_traces((403, denied))
    assert found.status is Status.UNKNOWN
    assert found.text.startswith("Could not check if X-Ray takes traces: An error occurred")
    assert "There are no policies, so calls are not limited." in found.text
    switch_expiry(is_on=False)
    assert check_traces((403, denied)).status is Status.PROBLEM
