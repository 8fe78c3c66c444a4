"""An unmodified boto3 calls Bedrock through the gateway, with a key and an endpoint alone."""

import http.client
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EventStreamError

from cdk.local_cloud.tls import Certificates, make_certificates
from lambdas.domain.api_keys import Scope, create_key
from lambdas.domain.bedrock_calls import (
    MAX_REQUEST_BYTES,
    Admission,
    GatewayCall,
    LimitState,
    refuse_limit,
)
from lambdas.domain.invocations import ServedCall, TokenCounts
from lambdas.services.relay_call import GatewayRequest, RelayRules
from tests.builders import NOON
from tests.gateway import (
    CONVERSE_BODY,
    CONVERSE_EVENTS,
    COUNT_BODY,
    INVOKE_BODY,
    INVOKE_EVENTS,
    KEY,
    MODEL,
    REGION,
    SECRET,
    USED,
    FakeBedrock,
    Gateway,
    InMemoryAdmission,
    make_relay,
    serve_gateway,
    write_frame,
)

PROMPT = "XyzzyPrompt"
MESSAGES: Any = [{"role": "user", "content": [{"text": PROMPT}]}]
CLAUDE_BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": PROMPT}],
    }
)
ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
MODEL_IDS = (
    MODEL,
    "amazon.nova-lite-v1:0",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
    f"{ACCOUNT}:inference-profile/{MODEL}",
    f"{ACCOUNT}:application-inference-profile/p24qm5pye2qr",
    f"{ACCOUNT}:provisioned-model/abcdefghijkl",
    f"{ACCOUNT}:custom-model/amazon.titan-text-lite-v1:0:4k/abcdefghijkl",
    f"{ACCOUNT}:imported-model/abcdefghijkl",
    f"{ACCOUNT}:default-prompt-router/anthropic.claude:1",
    f"{ACCOUNT}:prompt/ABCDEFGHIJ:3",
    "arn:aws:sagemaker:us-east-1:123456789012:endpoint/invoke",
    "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-lite-v1:0",
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def gateway(certificates: Certificates) -> Iterator[Gateway]:
    with serve_gateway(certificates) as gateway:
        yield gateway


@pytest.fixture
def make_client(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    clients = list[Any]()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(gateway.certificates.authority))
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)

    def make_client(secret: str = SECRET.text, attempts: int | None = None) -> Any:
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", secret)
        if attempts is not None:
            monkeypatch.setenv("AWS_MAX_ATTEMPTS", str(attempts))
        clients.append(boto3.client("bedrock-runtime", endpoint_url=gateway.url))
        return clients[-1]

    yield make_client
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Any]) -> Any:
    return make_client()


def send(
    gateway: Gateway,
    path: str,
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, str], bytes]:
    """Send a request as no SDK would."""
    context = ssl.create_default_context(cafile=str(gateway.certificates.authority))
    host = urlsplit(gateway.url).netloc
    sent = {"authorization": f"Bearer {SECRET.text}", "content-type": "application/json"}
    with closing(http.client.HTTPSConnection(host, context=context, timeout=10)) as connection:
        connection.request(method, path, body, sent | (headers or {}))
        response = connection.getresponse()
        with response:
            named = {name.lower(): value for name, value in response.getheaders()}
            return response.status, named, response.read()


def assert_nothing_is_reserved_or_sent(gateway: Gateway) -> None:
    assert gateway.admission.calls == []
    assert gateway.bedrock.received == []


def wait_until_settled(gateway: Gateway) -> None:
    assert gateway.admission.was_settled.wait(10)


def test_converse_returns_the_answer_and_is_settled(client: Any, gateway: Gateway) -> None:
    answer = client.converse(modelId=MODEL, messages=MESSAGES, inferenceConfig={"maxTokens": 100})
    assert answer["output"]["message"]["content"] == [{"text": "héllo"}]
    assert answer["ResponseMetadata"]["RequestId"] == "request-1"
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": USED}
    assert gateway.admission.served == {"r-1": ServedCall()}
    (call,) = gateway.admission.calls
    assert call.key == KEY
    assert call.need.output_tokens == 100
    assert call.attempt_id


def test_converse_stream_returns_every_event(client: Any, gateway: Gateway) -> None:
    events = list(client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert len(events) == len(CONVERSE_EVENTS)
    assert events[-1]["metadata"]["usage"]["outputTokens"] == 25
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": USED}


def test_invoke_model_returns_the_body(client: Any, gateway: Gateway) -> None:
    answer = client.invoke_model(modelId=MODEL, body=CLAUDE_BODY)
    assert answer["body"].read() == INVOKE_BODY
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": USED}
    assert gateway.bedrock.received[0].body == CLAUDE_BODY.encode()


def test_invoke_model_with_response_stream_returns_every_chunk(
    client: Any, gateway: Gateway
) -> None:
    answer = client.invoke_model_with_response_stream(modelId=MODEL, body=CLAUDE_BODY)
    chunks = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert len(chunks) == len(INVOKE_EVENTS)
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": USED}


def test_count_tokens_needs_no_admission(client: Any, gateway: Gateway) -> None:
    body = {"converse": {"messages": MESSAGES}}
    assert client.count_tokens(modelId="anthropic.claude-3", input=body)["inputTokens"] == 7
    assert gateway.admission.calls == []


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("converse", CONVERSE_BODY),
        ("converse-stream", b"".join(CONVERSE_EVENTS)),
        ("invoke", INVOKE_BODY),
        ("invoke-with-response-stream", b"".join(INVOKE_EVENTS)),
        ("count-tokens", COUNT_BODY),
    ],
)
def test_answers_are_relayed_byte_for_byte(gateway: Gateway, operation: str, body: bytes) -> None:
    status, headers, answer = send(gateway, f"/model/{MODEL}/{operation}")
    assert (status, answer) == (200, body)
    assert headers["x-amzn-requestid"] == "request-1"


@pytest.mark.parametrize("model_id", MODEL_IDS)
def test_models_are_called_by_ids_and_arns_of_every_kind(
    client: Any, gateway: Gateway, model_id: str
) -> None:
    client.invoke_model(modelId=model_id, body=CLAUDE_BODY)
    assert gateway.admission.calls[0].path.model_id == model_id


def test_bedrock_gets_the_path_and_the_body_that_the_sdk_would_send(
    client: Any, gateway: Gateway
) -> None:
    sent = list[Any]()
    client.meta.events.register("before-send", lambda request, **_: sent.append(request))
    client.converse(modelId=MODEL_IDS[4], messages=MESSAGES)
    (request,), (received,) = sent, gateway.bedrock.received
    assert received.path == urlsplit(request.url).path
    ours = b'"requestMetadata":{"bedrock-meter-reservation":"r-1"},'
    assert received.body.replace(ours, b"") == request.body


def test_requests_are_signed_as_a_session_of_the_caller(client: Any, gateway: Gateway) -> None:
    client.invoke_model(modelId=MODEL_IDS[4], body=CLAUDE_BODY)
    (received,) = gateway.bedrock.received
    assert received.headers["x-amz-security-token"] == "session of ana@example.com"
    algorithm, credential, signed, signature = received.headers["authorization"].split(" ")
    assert algorithm == "AWS4-HMAC-SHA256"
    assert credential.endswith(f"/{REGION}/bedrock/aws4_request,")
    names = signed.removeprefix("SignedHeaders=").rstrip(",").split(";")
    request = AWSRequest(
        "POST",
        f"{gateway.bedrock.url}{received.path}",
        data=received.body,
        headers={name: received.headers[name] for name in names},
    )
    request.context["timestamp"] = received.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "bedrock", REGION)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert signature == f"Signature={signer.signature(text, request)}"
    assert SECRET.text not in str(received)


def test_callers_keep_their_metadata_and_cannot_set_the_reservation(
    client: Any, gateway: Gateway
) -> None:
    own = {"team": "a", "bedrock-meter-reservation": "forged"}
    client.converse(modelId=MODEL, messages=MESSAGES, requestMetadata=own)
    client.invoke_model(modelId=MODEL, body=CLAUDE_BODY, requestMetadata=json.dumps(own))
    first, second = gateway.bedrock.received
    assert json.loads(first.body)["requestMetadata"] == own | {"bedrock-meter-reservation": "r-1"}
    header = json.loads(second.headers["x-amzn-bedrock-request-metadata"])
    assert header == own | {"bedrock-meter-reservation": "r-2"}


def test_a_project_never_takes_the_place_of_the_reservation() -> None:
    rules = RelayRules(project_name="bedrock-meter-reservation")
    request = GatewayRequest(KEY, f"/model/{MODEL}/converse", [], b"{}")
    with FakeBedrock().serve() as bedrock:
        answer = make_relay(bedrock, InMemoryAdmission(), rules).relay(request)
        list(answer.pieces)
        (sent,) = bedrock.received
    assert json.loads(sent.body)["requestMetadata"] == {"bedrock-meter-reservation": "r-1"}


def test_sixteen_pairs_of_metadata_leave_no_room_and_reserve_nothing(
    client: Any, gateway: Gateway
) -> None:
    own = {f"name-{number}": "x" for number in range(16)}
    with pytest.raises(ClientError, match="Send at most 15") as refused:
        client.converse(modelId=MODEL, messages=MESSAGES, requestMetadata=own)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert_nothing_is_reserved_or_sent(gateway)


def test_errors_of_bedrock_reach_the_caller_and_give_back(client: Any, gateway: Gateway) -> None:
    gateway.bedrock.status = 400
    gateway.bedrock.extra_headers = {"x-amzn-errortype": "ValidationException:http://internal/"}
    gateway.bedrock.bodies["converse"] = b'{"message":"max_tokens is too large"}'
    with pytest.raises(ClientError, match="max_tokens is too large") as refused:
        client.converse(modelId=MODEL, messages=MESSAGES)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    wait_until_settled(gateway)
    assert gateway.admission.given_back == ["r-1"]


def refuse_once(retry_after_ms: int | None) -> Callable[[GatewayCall], Admission]:
    refused = list[GatewayCall]()

    def decide(call: GatewayCall) -> Admission:
        if refused:
            return Admission("r-2")
        refused.append(call)
        limits = (LimitState("team", 1000, 0, 60, 2.5),)
        return Admission(None, refuse_limit("Limit team", retry_after_ms, ["team"]), limits)

    return decide


def test_a_caller_who_has_to_wait_is_admitted_at_the_second_attempt(
    client: Any, gateway: Gateway
) -> None:
    gateway.admission.decision = refuse_once(20)
    answer = client.converse(modelId=MODEL, messages=MESSAGES)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    first, second = gateway.admission.calls
    assert first.attempt_id == second.attempt_id


def test_a_refusal_shows_the_limit_and_the_pause(
    make_client: Callable[..., Any], gateway: Gateway
) -> None:
    gateway.admission.decision = refuse_once(2500)
    with pytest.raises(ClientError, match="Limit team") as refused:
        make_client(attempts=1).converse(modelId=MODEL, messages=MESSAGES)
    response = refused.value.response
    assert response["Error"]["Code"] == "ThrottlingException"
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-retry-after"] == "2500"
    assert headers["retry-after"] == "3"
    assert headers["ratelimit"] == '"team";r=0;t=3'
    assert headers["ratelimit-policy"] == '"team";q=1000;qu="tokens";w=60'
    assert gateway.bedrock.received == []


def test_a_limit_that_waiting_does_not_help_is_not_tried_again(
    client: Any, gateway: Gateway
) -> None:
    gateway.admission.decision = refuse_once(None)
    with pytest.raises(ClientError) as refused:
        client.converse(modelId=MODEL, messages=MESSAGES)
    assert refused.value.response["Error"]["Code"] == "ServiceQuotaExceededException"
    assert len(gateway.admission.calls) == 1


@pytest.mark.parametrize("secret", ["wrong", SECRET.text[:-1], f"{SECRET.text[:-1]}2"])
def test_what_cannot_be_a_key_is_refused_before_a_table_is_read(
    make_client: Callable[..., Any], gateway: Gateway, secret: str
) -> None:
    with pytest.raises(ClientError) as refused:
        make_client(secret).converse(modelId=MODEL, messages=MESSAGES)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert gateway.keys.reads == []
    assert_nothing_is_reserved_or_sent(gateway)


def test_an_unknown_key_is_looked_up_once(
    make_client: Callable[..., Any], gateway: Gateway
) -> None:
    secret, _ = create_key(bytes(32), "eve", NOON)
    client = make_client(secret.text)
    for _ in range(3):
        with pytest.raises(ClientError, match="unknown or no longer valid"):
            client.converse(modelId=MODEL, messages=MESSAGES)
    assert gateway.keys.reads == [secret.digest]


def test_a_key_without_the_scope_is_refused(
    make_client: Callable[..., Any], gateway: Gateway
) -> None:
    secret, key = create_key(bytes(32), "eve", NOON, scopes=[Scope.LIMITS])
    gateway.keys.create(key)
    with pytest.raises(ClientError, match="has no scope bedrock"):
        make_client(secret.text).converse(modelId=MODEL, messages=MESSAGES)


def test_a_large_request_is_refused_with_the_way_round(client: Any, gateway: Gateway) -> None:
    with pytest.raises(ClientError, match="s3Location") as refused:
        client.invoke_model(modelId=MODEL, body=b" " * (MAX_REQUEST_BYTES + 1))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert gateway.admission.calls == []


def test_a_stream_that_its_caller_aborts_is_read_on_and_settled_exactly(
    client: Any, gateway: Gateway
) -> None:
    has_gone = threading.Event()
    gateway.bedrock.before_piece = lambda number: number < 2 or has_gone.wait(10)
    stream = client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    next(iter(stream))
    stream.close()
    has_gone.set()
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": USED}


def test_a_damaged_frame_is_relayed_and_does_not_cost_the_usage(gateway: Gateway) -> None:
    damaged = bytearray(CONVERSE_EVENTS[1])
    damaged[-1] ^= 1
    pieces = (CONVERSE_EVENTS[0], bytes(damaged), *CONVERSE_EVENTS[2:])
    gateway.bedrock.bodies["converse-stream"] = pieces
    _, _, answer = send(gateway, f"/model/{MODEL}/converse-stream")
    assert answer == b"".join(pieces)
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": USED}


def test_an_error_within_a_stream_reaches_the_caller_and_leaves_the_reservation(
    client: Any, gateway: Gateway
) -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    error = write_frame(headers, b'{"message":"too many tokens"}')
    gateway.bedrock.bodies["converse-stream"] = (CONVERSE_EVENTS[0], error)
    stream = client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    with closing(stream), pytest.raises(EventStreamError, match="too many tokens"):
        list(stream)
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": TokenCounts()}  # so the ledger settles it
    assert gateway.admission.given_back == []


def test_an_answer_that_ends_early_ends_early_for_the_caller(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.bedrock.cuts_off_after = 3
    with pytest.raises(http.client.IncompleteRead):
        send(gateway, f"/model/{MODEL}/converse-stream")
    assert gateway.admission.given_back == []


POISONED_PATHS = (
    "/model/../converse",
    "/model/%2e%2e/converse",
    "/model/a%2f..%2f..%2fsecret/converse",
    "/model/a%252f..%252fsecret/converse",
    "/model/a%0d%0aX-Evil:1/converse",
    "/model/a%00/converse",
    "/model//converse",
    "/model/%ff/converse",
    "/model/%D0%B0mazon.nova/converse",
    f"/model/{'a' * 3000}/converse",
    "/model/a/converse/",
    "/model/a/Converse",
    "/model/a/async-invoke",
    "/guardrail/a/version/1/apply",
    "/model",
    "/",
)


@pytest.mark.parametrize("path", POISONED_PATHS)
def test_poisoned_paths_never_reach_bedrock(gateway: Gateway, path: str) -> None:
    status, _, answer = send(gateway, path)
    assert status == 404
    assert json.loads(answer)["__type"] == "UnknownOperationException"
    assert_nothing_is_reserved_or_sent(gateway)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused(gateway: Gateway, method: str) -> None:
    assert send(gateway, f"/model/{MODEL}/converse", method=method)[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"content-encoding": "gzip"},
        {"x-amzn-bedrock-trace": "caf\xe9"},
        {"x-amzn-bedrock-trace": "x" * 20_000},
        {"x-amzn-bedrock-request-metadata": "no JSON"},
        {"x-amzn-bedrock-request-metadata": '{"a": 1}'},
        {"x-amzn-bedrock-request-metadata": "[" * 8000},
    ],
)
def test_poisoned_headers_are_refused(gateway: Gateway, headers: dict[str, str]) -> None:
    status, _, answer = send(gateway, f"/model/{MODEL}/invoke", headers=headers)
    assert status == 400
    assert json.loads(answer)["__type"] == "ValidationException"
    assert_nothing_is_reserved_or_sent(gateway)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"messages": [}',
        b'{"a": 1} trailing',
        b'{"a": 1, "a": 2}',
        b'{"messages": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"requestMetadata": [1]}',
        b'{"requestMetadata": {"a": "' + b"x" * 300 + b'"}}',
    ],
)
def test_poisoned_bodies_are_refused(gateway: Gateway, body: bytes) -> None:
    status, _, answer = send(gateway, f"/model/{MODEL}/converse", body)
    assert status == 400
    assert json.loads(answer)["__type"] == "ValidationException"
    assert_nothing_is_reserved_or_sent(gateway)


def test_headers_other_than_bedrock_s_own_are_not_relayed(gateway: Gateway) -> None:
    headers = {
        "x-amz-security-token": "forged",
        "x-forwarded-for": "10.0.0.1",
        "cookie": "a=b",
        "x-amzn-bedrock-trace": "ENABLED",
    }
    send(gateway, f"/model/{MODEL}/invoke", headers=headers)
    (received,) = gateway.bedrock.received
    assert received.headers["x-amzn-bedrock-trace"] == "ENABLED"
    assert received.headers["x-amz-security-token"] == "session of ana@example.com"
    assert {"x-forwarded-for", "cookie"}.isdisjoint(received.headers)


def test_no_prompt_and_no_key_is_logged(
    client: Any,
    gateway: Gateway,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)

    def fail(call: GatewayCall) -> Admission:
        raise ValueError(str(call), PROMPT)

    gateway.bedrock.bodies["converse"] = json.dumps({"text": PROMPT}).encode()
    client.converse(modelId=MODEL, messages=MESSAGES)
    gateway.admission.decision = fail
    status, _, answer = send(gateway, f"/model/{MODEL}/converse", b'{"a": "XyzzyPrompt"}')
    assert status == 500
    assert PROMPT not in answer.decode()
    ours = [record for record in caplog.records if record.name == "bedrock-meter"]
    assert {record.getMessage() for record in ours} >= {
        "An answer reported no usage",
        "A call failed",
    }
    text = "".join(str(record.__dict__) for record in ours) + "".join(capsys.readouterr())
    assert PROMPT not in text
    assert SECRET.text not in text


def test_a_usage_that_is_partly_absent_is_settled_as_far_as_it_is_known(
    client: Any, gateway: Gateway
) -> None:
    gateway.bedrock.bodies["converse"] = b'{"usage": {"inputTokens": 3}}'
    client.converse(modelId=MODEL, messages=MESSAGES)
    wait_until_settled(gateway)
    assert gateway.admission.settled == {"r-1": TokenCounts(3)}
