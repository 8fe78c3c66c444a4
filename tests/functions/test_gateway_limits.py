"""Policies as an unmodified boto3 and plain HTTP see them."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk.local_cloud.tls import Certificates, make_certificates
from lambdas.domain.api_keys import Scope, create_key
from lambdas.services.limit_calls import LimitView, PolicyAdmission
from tests.builders import NOON
from tests.gateway import (
    MODEL,
    REGION,
    SECRET,
    USED,
    Gateway,
    Limits,
    serve_gateway,
)
from tests.limits import InMemoryLimits, make_admitter
from tests.policies import PER_MINUTE, PRICES, RecordedReports, make_admission, policy, read

BEN_SECRET, BEN = create_key(bytes(32), "ben", NOON, scopes=[Scope.LIMITS])
MESSAGES: Any = [{"role": "user", "content": [{"text": "XyzzyPrompt"}]}]
POLICIES = read(
    policy(limits=[PER_MINUTE | {"amount": 400}]),
    policy("calls", limits=[{"unit": "requests", "amount": 3, "per": "day", "mode": "shadow"}]),
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def store() -> InMemoryLimits:
    return InMemoryLimits()


@pytest.fixture
def admission(store: InMemoryLimits) -> PolicyAdmission:
    return make_admission(POLICIES, make_admitter(store))


@pytest.fixture
def gateway(
    certificates: Certificates, store: InMemoryLimits, admission: PolicyAdmission
) -> Iterator[Gateway]:
    view = LimitView(admission.policies, store, PRICES)
    with serve_gateway(certificates, limits=Limits(admission, view)) as gateway:
        gateway.keys.create(BEN)
        yield gateway


@pytest.fixture
def client(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(gateway.certificates.authority))
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", SECRET.text)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with closing(boto3.client("bedrock-runtime", endpoint_url=gateway.url)) as client:
        yield client


def converse(client: Any, max_tokens: int = 100) -> Any:
    return client.converse(
        modelId=MODEL, messages=MESSAGES, inferenceConfig={"maxTokens": max_tokens}
    )


def send(
    gateway: Gateway, method: str, path: str, content: Any = None, secret: str = SECRET.text
) -> tuple[int, dict[str, str], Any]:
    context = ssl.create_default_context(cafile=str(gateway.certificates.authority))
    host = urlsplit(gateway.url).netloc
    body = b"" if content is None else json.dumps(content).encode()
    with closing(http.client.HTTPSConnection(host, context=context, timeout=10)) as connection:
        connection.request(method, path, body, {"authorization": f"Bearer {secret}"})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, json.loads(response.read())


def test_a_call_shows_its_limits_and_is_settled_by_its_use(
    client: Any, gateway: Gateway, store: InMemoryLimits
) -> None:
    headers = converse(client)["ResponseMetadata"]["HTTPHeaders"]
    assert '"tokens";q=400;qu="total";w=60' in headers["ratelimit-policy"]
    assert '"calls";r=2' in headers["ratelimit"]
    wait_for(lambda: not store.states["tokens|caller=ana@example.com"].open)
    (_, _, shown) = send(gateway, "GET", "/limits")
    assert shown["limits"][0]["remaining"] == 400 - sum(filter(None, USED[:2]))
    assert shown["limits"][0]["resetsAt"].endswith("+00:00")
    assert (shown["limits"][0]["models"], shown["limits"][0]["operations"]) == ([], [])


def wait_for(condition: Any) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.005)
    pytest.fail("it did not happen")


def test_a_call_above_the_limit_never_reaches_bedrock(
    client: Any, gateway: Gateway, store: InMemoryLimits
) -> None:
    with pytest.raises(ClientError, match="The call may need 609 tokens, and the limit") as above:
        converse(client, max_tokens=500)
    assert above.value.response["Error"]["Code"] == "ServiceQuotaExceededException"
    gateway.bedrock.status = 500  # the call is given back
    with pytest.raises(ClientError):
        converse(client)
    wait_for(lambda: not store.states["tokens|caller=ana@example.com"].open)
    assert len(gateway.bedrock.received) == 1


def test_the_answer_to_a_throttled_call_says_when_to_come_back(
    client: Any, gateway: Gateway, admission: PolicyAdmission, store: InMemoryLimits
) -> None:
    usage = {"inputTokens": 300, "outputTokens": 50, "totalTokens": 350}
    gateway.bedrock.bodies["converse"] = json.dumps({"usage": usage}).encode()
    converse(client, max_tokens=200)
    wait_for(lambda: not store.states["tokens|caller=ana@example.com"].open)
    with pytest.raises(ClientError) as refused:
        converse(client, max_tokens=200)
    answer: Any = refused.value.response
    assert answer["Error"]["Code"] == "ThrottlingException"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert 50_000 < int(headers["x-amz-retry-after"]) < 66_000
    assert '"tokens";r=' in headers["ratelimit"]
    reports = admission.reports
    assert isinstance(reports, RecordedReports)
    assert "XyzzyPrompt" not in str(reports)


def test_a_check_counts_nothing(gateway: Gateway, store: InMemoryLimits) -> None:
    asked = {"modelId": MODEL, "inputTokens": 300, "outputTokens": 50}
    status, headers, fits = send(gateway, "POST", "/limits/check", asked)
    assert (status, fits["admitted"], fits["refusal"]) == (200, True, None)
    assert '"tokens";r=400' in headers["ratelimit"]
    _, _, refused = send(gateway, "POST", "/limits/check", asked | {"outputTokens": 101})
    assert refused["admitted"] is False
    assert refused["refusal"]["policies"] == ["tokens"]
    assert [each["mode"] for each in refused["limits"]] == ["enforce", "shadow"]
    assert store.states == {}


def test_no_caller_reads_the_limits_of_another(client: Any, gateway: Gateway) -> None:
    converse(client)
    _, _, of_ben = send(gateway, "GET", "/limits?caller=ana@example.com", secret=BEN_SECRET.text)
    assert of_ben["caller"] == "ben"
    assert [each["remaining"] for each in of_ben["limits"]] == [400, 3]
    assert "ana" not in json.dumps(of_ben)


@pytest.mark.parametrize(("method", "path"), [("GET", "/limits"), ("POST", "/limits/check")])
def test_limits_are_shown_to_keys_with_their_scope_alone(
    gateway: Gateway, method: str, path: str
) -> None:
    secret, key = create_key(bytes(range(1, 33)), "eve", NOON, scopes=[Scope.BEDROCK])
    gateway.keys.create(key)
    assert send(gateway, method, path, {}, secret.text)[0] == 403
    assert send(gateway, method, path, {}, "bmk_none")[0] == 403


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "has to be one JSON object"),
        ({}, "modelId: allowed"),
        ({"modelId": "../x"}, "modelId: allowed"),
        ({"modelId": 5}, "modelId: allowed"),
        ({"modelId": "\ud800"}, "modelId: allowed"),
        ({"modelId": MODEL}, "inputTokens: allowed"),
        ({"modelId": MODEL, "inputTokens": -1}, "inputTokens: allowed"),
        ({"modelId": MODEL, "inputTokens": "5"}, "inputTokens: allowed"),
        ({"modelId": MODEL, "inputTokens": 5, "outputTokens": True}, "outputTokens: allowed"),
        ({"modelId": MODEL, "operation": "CountTokens"}, "operation: allowed: Converse,"),
        ({"model": MODEL}, "model: unknown field; allowed: inputTokens, modelId"),
    ],
)
def test_a_check_names_the_field_that_is_wrong(
    gateway: Gateway, content: Any, message: str
) -> None:
    status, _, answer = send(gateway, "POST", "/limits/check", content)
    assert status == 400
    assert message in answer["message"]


def test_limits_that_cannot_be_read_are_unavailable(certificates: Certificates) -> None:
    admission = make_admission(None, make_admitter(InMemoryLimits()))
    view = LimitView(admission.policies, InMemoryLimits(), PRICES)
    with serve_gateway(certificates, limits=Limits(admission, view)) as gateway:
        asked = {"modelId": MODEL, "inputTokens": 1, "outputTokens": 1}
        assert send(gateway, "GET", "/limits")[0] == 503
        assert send(gateway, "POST", "/limits/check", asked)[0] == 503


@pytest.mark.parametrize(("method", "path"), [("GET", "/limits/"), ("POST", "/limits/check/")])
def test_a_path_with_a_slash_too_many_is_unknown_and_no_redirect(
    gateway: Gateway, method: str, path: str
) -> None:
    status, headers, answer = send(gateway, method, path, {})
    assert status == 404
    assert "location" not in headers
    assert "GET /limits and POST /limits/check" in answer["message"]


def test_without_limits_the_paths_are_unknown(certificates: Certificates) -> None:
    with serve_gateway(certificates) as gateway:
        assert send(gateway, "GET", "/limits")[0] == 404
