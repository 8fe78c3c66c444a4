"""No prompt, completion or key is in any log line, metric or table, whatever fails."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.policy_store import CONTENT, POLICIES_KEY, REVISION
from lambdas.logs import logger
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE
from tests.functions.test_gateway_handler import answer, bedrock
from tests.functions.test_gateway_runtime import AUTHORIZED, make_event
from tests.gateway import MODEL, SECRET, FakeBedrock, write_event, write_frame

__all__ = ["bedrock"]

MARK = "XyzzyMarkedPrompt"
LIMITS = "Limits"
POLICIES = {
    "policies": [
        {
            "name": "tokens",
            "partition_by": ["caller", "model", "project"],
            "limits": [{"unit": "total", "amount": 3000, "per": "60s", "near": [1, 80]}],
        },
        {
            "name": "shadow",
            "limits": [{"unit": "requests", "amount": 1, "per": "day", "mode": "shadow"}],
        },
    ]
}


def converse(text: str = MARK, max_tokens: int = 10, **fields: Any) -> str:
    """A body with the mark in all its texts."""
    return json.dumps(
        {
            "system": [{"text": text}],
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "inferenceConfig": {"maxTokens": max_tokens, "stopSequences": [text]},
            "toolConfig": {"tools": [{"toolSpec": {"name": text, "description": text}}]},
            "requestMetadata": {text: text},
        }
        | fields
    )


@pytest.fixture
def limited(bedrock: FakeBedrock) -> FakeBedrock:
    create_sorted_table(LIMITS)
    boto3.client("dynamodb").put_item(
        TableName=GOVERNANCE,
        Item={**POLICIES_KEY, CONTENT: {"S": json.dumps(POLICIES)}, REVISION: {"N": "1"}},
    )
    events = (write_event("contentBlockDelta", {"delta": {"text": MARK}}),)
    bedrock.bodies = {
        "converse": json.dumps({"output": MARK, "usage": {"inputTokens": 3}}).encode(),
        "converse-stream": (*events, write_frame({":event-type": MARK}, MARK.encode())),
        "invoke": json.dumps({"completion": MARK, "usage": {MARK: MARK}}).encode(),
        "invoke-with-response-stream": (write_frame({}, MARK.encode()), MARK.encode()),
        "count-tokens": json.dumps({MARK: MARK}).encode(),
    }
    return bedrock


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    written = io.StringIO()
    before = logger.registered_handler.setStream(written)  # type: ignore[attr-defined]
    level = logger.log_level
    logger.setLevel("DEBUG")
    yield written
    logger.setLevel(level)
    logger.clear_state()
    logger.registered_handler.setStream(before)  # type: ignore[attr-defined]


def make_events() -> list[dict[str, Any]]:
    """Calls that are answered, refused, damaged or fail, each with the mark wherever it fits."""
    headers = AUTHORIZED | {"amz-sdk-invocation-id": MARK, "x-amzn-bedrock-trace": MARK, MARK: MARK}
    metadata = json.dumps({MARK: MARK})
    invoke = json.dumps({"max_tokens": 5, "messages": [{"role": "user", "content": MARK}]})
    operations = ("converse", "converse-stream", "invoke", "invoke-with-response-stream")
    answered = [
        make_event(
            f"/model/{MODEL}/{operation}",
            headers | {"x-amzn-bedrock-request-metadata": metadata},
            converse() if operation.startswith("converse") else invoke,
        )
        for operation in (*operations, "count-tokens")
    ]
    bodies = (
        f'{{"{MARK}": ',
        f'{{"{MARK}": 1, "{MARK}": 2}}',
        MARK,
        converse(requestMetadata=[MARK]),
    )
    refused = [make_event(f"/model/{MODEL}/converse", headers, body) for body in bodies]
    return [
        *answered,
        *refused,
        make_event(f"/model/{MODEL}/converse", headers, converse(max_tokens=9_000)),
        make_event(f"/model/{MARK}/{MARK}", headers, converse()),
        make_event(
            f"/model/{MODEL}/invoke", headers | {"content-type": f"a; charset={MARK}"}, MARK
        ),
        make_event(f"/model/{MODEL}/invoke", headers | {"x-amzn-bedrock-\xe9": MARK}, MARK),
        make_event("/limits/check", headers, json.dumps({MARK: MARK})),
        make_event("/limits/check", headers, json.dumps({"modelId": MARK, "operation": MARK})),
        make_event(f"/model/{MODEL}/converse", {"authorization": f"Bearer {MARK}"}, converse()),
        make_event(f"/model/{MODEL}/converse", headers, MARK, isBase64Encoded=True),
        *[make_event(f"/model/{MODEL}/converse", headers, converse()) for _ in range(4)],
    ]


def list_stored() -> str:
    client = boto3.client("dynamodb")
    return "".join(
        json.dumps(client.scan(TableName=name)["Items"], default=str)
        for name in client.list_tables()["TableNames"]
    )


def test_no_prompt_is_in_any_log_metric_or_table(
    limited: FakeBedrock, lines: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    posted = answer(*make_events())
    statuses = {each.prelude["statusCode"] for each in posted if not each.path.endswith("error")}
    assert statuses >= {200, 400, 403, 404}
    assert MARK in str(limited.received)  # it was there to be logged
    limited.status = 500
    answer(*make_events()[:4])
    limited.status, limited.cuts_off_after = 200, 1
    answer(*make_events()[1:2])
    logged, stored, printed = lines.getvalue(), list_stored(), "".join(capfd.readouterr())
    assert "An answer reported no usage" in logged
    assert "A limit is nearly used up" in logged
    assert "A call was refused" in logged
    assert "UnknownKeys" in printed
    assert "tokens|caller=" in stored
    for text in (logged, stored, printed):
        assert MARK not in text
        assert SECRET.text not in text


def test_a_bedrock_that_is_not_reached_leaves_no_prompt_in_the_log(
    limited: FakeBedrock,
    lines: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BEDROCK_ENDPOINT", "http://127.0.0.1:1")
    posted = answer(*make_events()[:4])
    assert {each.prelude["statusCode"] for each in posted} == {503}
    assert "Bedrock was not reached" in lines.getvalue()
    assert MARK not in lines.getvalue() + list_stored() + "".join(capfd.readouterr())


def test_a_table_that_is_not_there_leaves_no_prompt_in_the_log(
    limited: FakeBedrock, lines: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    boto3.client("dynamodb").delete_table(TableName=LIMITS)
    posted = answer(*make_events()[:4])
    assert {each.prelude["statusCode"] for each in posted} == {503}
    assert "Limits were not checked" in lines.getvalue()
    assert MARK not in lines.getvalue() + "".join(capfd.readouterr())
