"""Callers who want more than their limits, through the whole relay."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambdas.domain.api_keys import create_key
from lambdas.domain.bedrock_calls import BedrockAnswer, BedrockRequest
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME
from lambdas.functions.gateway.app import make_app
from lambdas.services.relay_call import CallRelay, GatewayRequest, RelayRules
from tests.builders import NOON
from tests.functions.test_gateway_runtime import answer_all, make_event
from tests.gateway import KEY, MODEL, SECRET, FakeBedrock, InMemoryAdmission, make_relay
from tests.limits import InMemoryLimits, make_admitter
from tests.policies import make_admission, policy, read

AUTHORIZED = {"authorization": f"Bearer {SECRET.text}", "content-type": "application/json"}
BODY = json.dumps({"messages": [], "inferenceConfig": {"maxTokens": 70}}).encode()
ATTEMPT = ("amz-sdk-invocation-id", "5f3c7a1e-0000-4000-8000-000000000000")


class CountingBedrock:
    """Answers that every call has used what it may.

    Attributes:
        received: The requests.
    """

    def __init__(self) -> None:
        self.received: list[BedrockRequest] = []

    def send(self, request: BedrockRequest) -> BedrockAnswer:
        self.received.append(request)
        body = b'{"usage": {"inputTokens": 30, "outputTokens": 70}}'
        return BedrockAnswer(200, (("content-type", "application/json"),), iter((body,)))


def relay_calls(relay: CallRelay, count: int, *headers: tuple[str, str], key: Any = KEY) -> int:
    """Relay calls one after another; return the number of those that were admitted."""
    admitted = 0
    for _ in range(count):
        request = GatewayRequest(key, f"/model/{MODEL}/converse", headers, BODY)
        answer = relay.relay(request)
        list(answer.pieces)
        answer.settle()
        admitted += answer.status == 200
    return admitted


def make_limited(bedrock: Any, *policies: Any) -> CallRelay:
    admission = make_admission(read(*policies), make_admitter(InMemoryLimits()))
    keys: Any = None
    return CallRelay(keys, admission, bedrock, lambda: NOON)


def test_the_project_of_a_key_never_replaces_the_reservation() -> None:
    bedrock = CountingBedrock()
    rules = RelayRules(project_name=RESERVATION_NAME)
    keys: Any = None
    relay = CallRelay(keys, InMemoryAdmission(), bedrock, lambda: NOON, rules)
    assert relay_calls(relay, 1) == 1
    assert json.loads(bedrock.received[0].body)["requestMetadata"] == {RESERVATION_NAME: "r-1"}


class PaintingBedrock:
    """Answers with an image, and without a usage."""

    def send(self, request: BedrockRequest) -> BedrockAnswer:  # noqa: ARG002  # the port's
        headers = (("content-type", "application/json"),)
        return BedrockAnswer(200, headers, iter((b'{"images": ["aaaa"]}',)))


@pytest.mark.parametrize(
    "model", ["stability.sd3-5-large-v1:0", "amazon.nova-canvas-v1:0", "imported.model"]
)
def test_answers_without_a_usage_keep_no_other_call_waiting(model: str) -> None:
    limits = [{"unit": "concurrent", "amount": 2}, {"unit": "requests", "amount": 90, "per": "60s"}]
    relay = make_limited(PaintingBedrock(), policy(limits=limits))
    statuses = list[int]()
    for _ in range(95):
        request = GatewayRequest(KEY, f"/model/{model}/invoke", (), b'{"prompt": "x"}')
        answer = relay.relay(request)
        list(answer.pieces)
        answer.settle()
        statuses.append(answer.status)
    assert statuses == [200] * 90 + [429] * 5


def test_a_thousand_calls_with_one_sdk_id_are_limited_like_a_thousand_calls() -> None:
    limits = [{"unit": "total", "amount": 1000, "per": "60s"}]
    one_id, no_id = CountingBedrock(), CountingBedrock()
    with_one = relay_calls(make_limited(one_id, policy(limits=limits)), 1000, ATTEMPT)
    assert with_one == relay_calls(make_limited(no_id, policy(limits=limits)), 1000)
    assert len(one_id.received) == with_one
    assert 9 <= with_one <= 10  # 100 tokens each, and what a call reserves above that
    assert (
        len(
            {json.loads(each.body)["requestMetadata"][RESERVATION_NAME] for each in one_id.received}
        )
        == with_one
    )


def test_an_admitted_id_is_no_pass_for_another_caller() -> None:
    bedrock = CountingBedrock()
    relay = make_limited(bedrock, policy(limits=[{"unit": "requests", "amount": 1, "per": "60s"}]))
    _, eve = create_key(bytes(32), "eve", NOON)
    assert relay_calls(relay, 2, ATTEMPT) == 1
    assert relay_calls(relay, 2, ATTEMPT, key=eve) == 1


@pytest.mark.parametrize("field", ["Bedrock-Meter-Reservation", " bedrock-meter-reservation", "a"])
def test_the_reservation_of_the_gateway_stands_whatever_callers_write(field: str) -> None:
    bedrock = CountingBedrock()
    relay = make_limited(bedrock, policy())
    own = {RESERVATION_NAME: "of-another-call", field: "of-another-call"}
    body = json.dumps({"requestMetadata": own, "inferenceConfig": {"maxTokens": 1}}).encode()
    assert relay.relay(GatewayRequest(KEY, f"/model/{MODEL}/converse", (), body)).status == 200
    header = (("x-amzn-bedrock-request-metadata", json.dumps(own)),)
    claude = b'{"max_tokens": 1}'
    assert relay.relay(GatewayRequest(KEY, f"/model/{MODEL}/invoke", header, claude)).status == 200
    converse, invoke = bedrock.received
    sent = [
        json.loads(converse.body)["requestMetadata"],
        json.loads(invoke.headers["x-amzn-bedrock-request-metadata"]),
    ]
    assert [each[RESERVATION_NAME] for each in sent] == ["call-0", "call-1"]


def answer_event(
    headers: Mapping[str, str], body: str = "{}", path: str = f"/model/{MODEL}/invoke"
) -> tuple[int, list[Any], InMemoryAdmission]:
    """Answer a request as a function URL hands it over: headers of one name are joined."""
    admission = InMemoryAdmission()
    with FakeBedrock().serve() as bedrock:
        app: Any = make_app(make_relay(bedrock, admission))
        (posted,) = answer_all(app, make_event(path, headers, body))
        return posted.prelude["statusCode"], bedrock.received, admission


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": f"Bearer {SECRET.text},Bearer {SECRET.text}"}, 403),
        ({"authorization": f"Bearer {SECRET.text}\r\nx-evil: 1"}, 403),
        ({"authorization": "Bearer " + "b" * 8_000}, 403),
        ({"authorization": f"Basic {SECRET.text}"}, 403),
        ({"x-amzn-bedrock-request-metadata": '{"a": "b"},{"c": "d"}'}, 400),
        ({"x-amzn-bedrock-request-metadata": json.dumps({"a": "b" * 257})}, 400),
        ({"x-amzn-bedrock-request-metadata": '{"": NaN}'}, 400),
        ({"x-amzn-bedrock-trace": "ENABLED\r\nx-evil: 1"}, 400),
        ({"x-amzn-bedrock-trace": "ENABLED\x00"}, 400),
        ({"x-amzn-bedrock-tr\xe4ce": "ENABLED"}, 400),
        ({"x-amzn-bedrock-trace_": "ENABLED"}, 400),
        ({"content-type": "application/json,text/plain;charset=utf-16"}, 400),
        ({"content-encoding": "identity, gzip"}, 400),
        ({"X-Amzn-Bedrock-Trace": "a" * 16_384}, 400),
    ],
)
def test_headers_that_could_be_read_in_two_ways_reach_no_model(
    headers: dict[str, str], status: int
) -> None:
    found, received, admission = answer_event(AUTHORIZED | headers)
    assert (found, received, admission.calls) == (status, [], [])


@pytest.mark.parametrize(
    "body",
    [
        '{"inferenceConfig": {"maxTokens": 1, "maxTokens": 100000}}',
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        '{"max_tokens": 1, "max_tokens": 100000}',
        '{"a": 1}{"a": 1}',
        '{"a": 1}\x00',
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 01}',
    ],
)
def test_bodies_that_could_be_read_in_two_ways_reach_no_model(body: str) -> None:
    found, received, admission = answer_event(AUTHORIZED, body)
    assert (found, received, admission.calls) == (400, [], [])


@pytest.mark.parametrize(
    ("limit", "output_tokens"),
    [
        ("NaN", 65_536),
        ("-1", 65_536),
        ("1e999", 65_536),
        ("1e2", 100),
        ("999999999999", 999999999999),
    ],
)
def test_odd_limits_reserve_no_less_than_a_model_may_answer(limit: str, output_tokens: int) -> None:
    _, _, admission = answer_event(AUTHORIZED, f'{{"max_tokens": {limit}}}')
    (call,) = admission.calls
    assert call.need.output_tokens == output_tokens


@pytest.mark.parametrize(
    "path",
    [
        "/model/a/invoke/../../guardrail/b/version/1/apply",
        "/model/..%2F..%2Fguardrail/invoke",
        "/model/%252e%252e%252fasync-invoke/invoke",
        "/model/a%2Fasync-invoke/invoke",
        "/model/a;b/invoke",
        "/model/a%3Fx=/invoke",
        "/model/a%23/invoke",
        "/model/a\\..\\b/invoke",
        "//model/a/invoke",
        "/model/arn:aws:bedrock:us-east-1:123456789012:model-invocation-job%2F..%2Fa/invoke",
        "/model/arn:aws:s3:::bucket%2Fkey/invoke",
        "/model/%E2%80%AEa/invoke",
        "/async-invoke",
        "/model/a/invoke-with-bidirectional-stream",
    ],
)
def test_no_path_reaches_another_operation(path: str) -> None:
    status, received, admission = answer_event(AUTHORIZED, path=path)
    assert (status, received, admission.calls) == (404, [], [])
