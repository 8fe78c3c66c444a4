"""The gateway where policies are evaluated: an unmodified client calls models through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.local_cloud.cloud import ACCOUNT, REGION
from cdk.local_cloud.tls import make_certificates, serve_tls
from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.domain.api_keys import create_key
from lambdas.domain.budgets import BudgetAmount, BudgetChanges, BudgetScope, BudgetUnit
from lambdas.domain.limits import LimitMode
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.test_budgets import open_store
from tests.local_cloud.callers import OPERATIONS, client_in_session, list_refused
from tests.local_cloud.waiting import wait_for
from tests.unit.budgets.builders import budget

OWNER = "ana@example.com"
CALLER_ROLE = caller_role_name(REGION)
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/{CALLER_ROLE}/{OWNER}"
OpenClient = Callable[[str], Any]


class Endpoint(NamedTuple):
    """The gateway over TLS, and the authority of its certificate."""

    url: str
    authority: Path


@pytest.fixture(scope="module")
def endpoint(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    public = deployed.deployment.output(stack_names.GATEWAY, "GatewayUrl")
    name = public.removeprefix("https://").partition(".")[0]
    with serve_tls(deployed.cloud.endpoint, certificates.server) as url:
        yield Endpoint(f"{url}/_aws/lambda-url/{name}", certificates.authority)


@pytest.fixture
def open_client(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> OpenClient:
    """Opens clients of bedrock-runtime with a key, and no other credentials."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)

    def open_client(key: str) -> Any:
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
        return boto3.Session(region_name=REGION).client(
            "bedrock-runtime",
            endpoint_url=endpoint.url,
            verify=str(endpoint.authority),
            config=Config(proxies={}),
        )

    return open_client


@pytest.fixture
def client(deployed: Deployed, open_client: OpenClient) -> Any:
    """A client with the key of a caller."""
    return open_client(store_key(deployed, bytes(range(32)), OWNER))


def store_key(deployed: Deployed, random: bytes, owner: str) -> str:
    """Store a key; returns its text."""
    secret, key = create_key(random, owner, datetime.now(UTC))
    table = deployed.bucket("GovernanceTableName")
    DynamoDbApiKeyChanges(deployed.cloud.client("dynamodb"), table, None).create(key)
    return secret.text


def read_whole(answer: Any) -> list[Any]:
    """Read what an operation answers, to its end."""
    if "stream" in answer:
        return list(answer["stream"])
    body = answer.get("body", [])
    return list(body) if not hasattr(body, "read") else [body.read()]


def test_calls_are_in_the_ledger_as_those_of_the_caller(deployed: Deployed, client: Any) -> None:
    for call in OPERATIONS.values():
        assert read_whole(call(client)) is not None
    wait_for(lambda: len(deployed.ledger(CALLER)) == len(OPERATIONS))
    operations = {item["operation"]["S"] for item in deployed.ledger(CALLER)}
    assert operations == OPERATIONS.keys()


def test_a_budget_of_a_model_refuses_calls_of_the_model(
    deployed: Deployed, open_client: OpenClient
) -> None:
    ben = f"arn:aws:sts::{ACCOUNT}:assumed-role/{CALLER_ROLE}/ben@example.com"
    client = open_client(store_key(deployed, bytes([7] * 32), "ben@example.com"))
    small = budget(
        "small",
        scope=BudgetScope(identity=(ben,), model=("anthropic.*",)),
        amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1),
        gateway=LimitMode.ENFORCE,
    )
    store = open_store(deployed)
    store.write(BudgetChanges(written=(small,)), store.read().revision)
    assert store.mark_active("small", store.read().budgets["small"].generation)
    try:
        wait_for(lambda: find_refusal(client) == "ServiceQuotaExceededException")
    finally:
        store.write(BudgetChanges(deleted=("small",)), store.read().revision)


def find_refusal(client: Any) -> str | None:
    """Call a model; returns the code of the error."""
    try:
        OPERATIONS["Converse"](client)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def test_a_request_with_an_unknown_key_is_refused_and_counted(
    deployed: Deployed, open_client: OpenClient
) -> None:
    secret, _ = create_key(bytes(32), OWNER, datetime.now(UTC))
    before = deployed.health("UnknownKeys")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        OPERATIONS["Converse"](open_client(secret.text))
    wait_for(lambda: deployed.health("UnknownKeys") == before + 1)


def test_the_gateway_calls_no_model_by_itself(deployed: Deployed) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        OPERATIONS["Converse"](act_as_gateway(deployed, "bedrock-runtime"))


def test_the_gateway_takes_the_role_of_callers_and_no_other(deployed: Deployed) -> None:
    sts, name = act_as_gateway(deployed, "sts"), "someone"
    sts.assume_role(RoleArn=make_role_arn(CALLER_ROLE), RoleSessionName=name)
    redrive = deployed.deployment.output(stack_names.STORAGE, "RedriveRoleArn")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=redrive, RoleSessionName=name)


def test_the_role_of_callers_calls_models_and_does_nothing_else(deployed: Deployed) -> None:
    found = act_as_gateway(deployed, "sts").assume_role(
        RoleArn=make_role_arn(CALLER_ROLE), RoleSessionName="someone"
    )["Credentials"]
    credentials = (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    assert list_refused(deployed.cloud.client("bedrock-runtime", *credentials)) == set()
    with pytest.raises(ClientError, match="AccessDenied"):
        deployed.cloud.client("s3", *credentials).list_buckets()


def act_as_gateway(deployed: Deployed, service: str) -> Any:
    """A client of a service with the gateway's role."""
    name = deployed.function_name("Gateway", stack=stack_names.GATEWAY)
    described = deployed.cloud.client("lambda").get_function_configuration(FunctionName=name)
    role = described["Role"].split("/")[-1]
    return client_in_session(deployed.cloud, service, role, "gateway")


def make_role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"
