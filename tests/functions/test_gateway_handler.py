"""The gateway as it runs on Lambda: made by its environment, with metrics and ids in its log."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.operations.gateway_cost import BYTES_OF_A_LATENCY_LOG, BYTES_OF_A_SETTLEMENT_LOG
from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter
from lambdas.domain.limit_policies import PolicyChange
from lambdas.functions.gateway import handler
from lambdas.functions.gateway.app import log_failure
from lambdas.functions.gateway.runtime import run
from lambdas.logs import logger
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.call_traces import FakeXRay, read_spans
from tests.functions.test_gateway_runtime import FakeRuntimeApi, Posted, make_event
from tests.gateway import KEY, MODEL, REGION, FakeBedrock

SCRIPT = Path(handler.__file__).with_name("run")


@pytest.fixture
def bedrock(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBedrock]:
    """A Bedrock, and the environment of a gateway in front of it."""
    create_governance_table()
    DynamoDbApiKeyChanges(boto3.client("dynamodb"), GOVERNANCE, None).create(KEY)
    with FakeBedrock().serve() as bedrock:
        for name, value in {
            "GOVERNANCE_TABLE": GOVERNANCE,
            "LIMITS_TABLE": "Limits",
            "CALLER_ROLE_ARN": "arn:aws:iam::123456789012:role/BedrockMeter-GatewayCaller",
            "REGION": REGION,
            "BEDROCK_ENDPOINT": bedrock.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield bedrock


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    written = io.StringIO()
    before = logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
    logger.clear_state()
    yield written
    logger.clear_state()
    logger.registered_handler.setStream(before)  # type: ignore[attr-defined]


def answer(*events: dict[str, Any]) -> list[Posted]:
    """Let the handler answer events, and return what it posted."""

    async def scenario() -> list[Posted]:
        api = FakeRuntimeApi(list(events))
        server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        serving = asyncio.create_task(
            run(
                handler.make_gateway,
                handler.LoggedRuntimeApi.at(f"127.0.0.1:{port}"),
                log_failure,
            )
        )
        await asyncio.wait_for(api.is_idle.wait(), 10)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        server.close()
        return api.posted

    return asyncio.run(scenario())


def test_a_call_is_made_as_a_session_of_the_role_of_callers(
    bedrock: FakeBedrock,
) -> None:
    (posted,) = answer(make_event(f"/model/{MODEL}/converse"))
    assert posted.prelude["statusCode"] == 200
    (received,) = bedrock.received
    assert received.headers["x-amz-security-token"]  # of the session


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/model/{MODEL}/converse"),
        ("GET", "/"),
        ("POST", "/async-invoke"),
        ("GET", "/model/a"),
    ],
)
def test_a_request_without_a_valid_key_is_counted(
    bedrock: FakeBedrock,
    lines: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    method: str,
    path: str,
) -> None:
    unknown = make_event(path, headers={"authorization": "Bearer bm_unknown"})
    unknown["requestContext"]["http"]["method"] = method
    (posted,) = answer(unknown)
    assert posted.prelude["statusCode"] == 403
    assert not bedrock.received
    (metric,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert metric["UnknownKeys"] == [1.0]
    assert metric["function_request_id"]


def test_limited_calls_are_counted_without_their_prompt_and_their_caller(
    bedrock: FakeBedrock, lines: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    create_sorted_table("Limits")
    tight = {"unit": "requests", "amount": 1, "per": "60s"}
    text = json.dumps({"policies": [{"name": "once", "partition_by": "caller", "limits": [tight]}]})
    writer = DynamoDbPolicyWriter(boto3.client("dynamodb"), GOVERNANCE, None)
    writer.write(PolicyChange(text, 0, None, {}), datetime.now(UTC))
    prompt = {"messages": [{"role": "user", "content": [{"text": "MARKED"}]}]}
    call = make_event(f"/model/{MODEL}/converse", body=json.dumps(prompt))
    statuses = [posted.prelude["statusCode"] for posted in answer(call, call)]
    assert statuses == [200, 429]
    assert len(bedrock.received) == 1
    printed = capsys.readouterr().out
    settled, refused_line = (line for line in printed.splitlines() if "AddedLatency" not in line)
    admitted, refused = json.loads(settled), json.loads(refused_line)
    assert (admitted["AdmittedCalls"], admitted["UsedTokens"]) == (1, 5 + 5 * 25)
    assert len(settled.encode()) < BYTES_OF_A_SETTLEMENT_LOG
    assert (refused["Policy"], refused["LimitRefusals"]) == ("once", 1)
    assert admitted["function_request_id"] != refused["function_request_id"]
    assert KEY.session_name not in printed
    assert "MARKED" not in printed + lines.getvalue()


def test_a_call_is_measured_after_its_answer(
    bedrock: FakeBedrock, capsys: pytest.CaptureFixture[str]
) -> None:
    (posted,) = answer(make_event(f"/model/{MODEL}/converse-stream"))
    assert posted.prelude["statusCode"] == 200
    line = capsys.readouterr().out
    metrics = json.loads(line)
    assert metrics["Operation"] == "ConverseStream"
    (added,), (first,) = metrics["AddedLatency"], metrics["TimeToFirstToken"]
    assert added > 0
    assert first > 0
    (published,) = metrics["_aws"]["CloudWatchMetrics"]
    assert (published["Namespace"], published["Dimensions"]) == ("BedrockMeter", [["Operation"]])
    assert {metric["Unit"] for metric in published["Metrics"]} == {"Milliseconds"}
    assert metrics["function_request_id"]
    assert len(line.encode()) < BYTES_OF_A_LATENCY_LOG


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_failed_call_is_not_measured(
    bedrock: FakeBedrock, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    bedrock.status = status
    answer(make_event(f"/model/{MODEL}/converse"))
    assert capsys.readouterr().out == ""


def test_counting_tokens_is_not_measured(
    bedrock: FakeBedrock, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(make_event(f"/model/{MODEL}/count-tokens"))
    assert len(bedrock.received) == 1
    assert capsys.readouterr().out == ""


def test_the_trace_of_a_call_is_sent_where_the_sdk_finds_x_ray(
    bedrock: FakeBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACE_SHARE", "1")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "BedrockMeter-Gateway-Gateway")
    with FakeXRay().serve() as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.url)
        (posted,) = answer(make_event(f"/model/{MODEL}/converse"))
    assert posted.prelude["statusCode"] == 200
    ((path, _, body),) = xray.received
    assert path == "/v1/traces"
    document = json.loads(body)
    gateway, model = read_spans(document)
    assert gateway.span_id == model.parent_span_id
    resource = document["resourceSpans"][0]["resource"]["attributes"]
    assert {each["key"]: each["value"]["stringValue"] for each in resource} == {
        "service.name": "bedrock-meter-gateway",
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": REGION,
        "faas.name": "BedrockMeter-Gateway-Gateway",
    }


def test_a_trace_that_is_lost_is_counted(
    bedrock: FakeBedrock,
    monkeypatch: pytest.MonkeyPatch,
    lines: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRACE_SHARE", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", "http://127.0.0.1:1")
    event = make_event(f"/model/{MODEL}/converse")
    assert [posted.prelude["statusCode"] for posted in answer(event, event)] == [200, 200]
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line.get("LostTraces", [0])[0] for line in written) == 2
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["reason"] for line in logged] == ["NewConnectionError"]


def test_no_metric_is_imported_before_the_first_answer() -> None:
    """The names of metrics take longer to import than all of the gateway's own code."""
    program = (
        "import sys, lambdas.functions.gateway.handler;"
        "print([name for name in sys.modules if name.startswith(("
        "'lambdas.domain.metrics', 'lambdas.observability', 'lambdas.domain.call_traces',"
        "'lambdas.adapters.xray'))])"
    )
    ran = subprocess.run(  # our own
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


@pytest.mark.usefixtures("bedrock")
def test_every_log_line_has_the_id_of_its_invocation(
    monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    monkeypatch.setenv("BEDROCK_ENDPOINT", "http://127.0.0.1:1")
    event = make_event(f"/model/{MODEL}/converse")
    answer(event, event)
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    ids = [line["function_request_id"] for line in logged]
    assert len(ids) == len(set(ids)) == 2


@pytest.mark.usefixtures("bedrock")
def test_the_script_starts_the_handler_with_lambdas_interpreter() -> None:
    """Without a Runtime API, it ends with the error that says so."""
    ran = subprocess.run(  # our own
        [SCRIPT, sys.executable, "/var/runtime/bootstrap.py"],
        env={
            **os.environ,
            "LAMBDA_TASK_ROOT": str(SCRIPT.parents[3]),
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RuntimeApiError: ConnectionRefusedError" in ran.stderr
