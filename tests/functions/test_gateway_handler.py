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

from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter
from lambdas.domain.limit_policies import PolicyChange
from lambdas.functions.gateway import handler
from lambdas.functions.gateway.app import log_failure
from lambdas.functions.gateway.runtime import run
from lambdas.logs import logger
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
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


def test_a_request_without_a_valid_key_is_counted(
    bedrock: FakeBedrock,
    lines: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = make_event(headers={"authorization": "Bearer bm_unknown"})
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
    admitted, refused = map(json.loads, printed.splitlines())
    assert (admitted["AdmittedCalls"], admitted["UsedTokens"]) == (1, 5 + 5 * 25)
    assert (refused["Policy"], refused["LimitRefusals"]) == ("once", 1)
    assert admitted["function_request_id"] != refused["function_request_id"]
    assert KEY.session_name not in printed
    assert "MARKED" not in printed + lines.getvalue()


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
