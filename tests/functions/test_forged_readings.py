"""A forged log with a real call's request id hides neither the call nor its tokens nor its cost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from dashboards.preview.deliveries import pack
from lambdas.adapters.dynamodb_recorded_calls import DynamoDbRecordedCalls
from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.pricing import Cost, Pricing, shipped_prices
from lambdas.functions.log_processor import handler
from tests.aws import LEDGER, set_log_processor_variables
from tests.invocation_logs import log

CONTEXT: Any = SimpleNamespace()
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
OPUS_4 = "anthropic.claude-opus-4-20250514-v1:0"
VICTIM = "arn:aws:iam::111122223333:user/victim"
PRICING = Pricing(shipped_prices())
REAL = log(
    timestamp=(NOW - DAY).isoformat(),
    modelId=OPUS_4,
    input={"inputTokenCount": 5_000_000},
    output={"outputTokenCount": 1_000_000},
)
ZERO_TOKENS = {"input": {"inputTokenCount": 0}, "output": {"outputTokenCount": 0}}


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    set_log_processor_variables(monkeypatch)
    yield
    for resource in (handler.settings, handler.ledger, handler.s3_client):
        resource.cache_clear()


def deliver(*logs: dict[str, Any]) -> None:
    handler.lambda_handler(
        {"awslogs": {"data": pack([json.dumps(line) for line in logs])}}, CONTEXT
    )


def in_ledger() -> list[UsageRecord]:
    calls = DynamoDbRecordedCalls(boto3.client("dynamodb"), LEDGER)
    pages = calls.scan_range(NOW - 200 * DAY, NOW + 20_000 * DAY)
    return [record for page in pages for record in page.records]


def cost_of(record: UsageRecord) -> Cost:
    cost = PRICING.cost_of(record)
    assert isinstance(cost, Cost)
    return cost


@pytest.mark.parametrize(
    "forged",
    [
        {"identity": {"arn": VICTIM}, "input": {"inputTokenCount": 1}, "output": {}},
        ZERO_TOKENS,
        {"timestamp": (NOW + DAY).isoformat()},
        {"timestamp": "2099-01-01T00:00:00Z"},
        {"timestamp": "2016-01-01T00:00:00Z"},
        {"errorCode": "ThrottlingException"},
        {"modelId": "amazon.nova-micro-v1:0"},
        {"modelId": "a-model-without-a-price"},
        {"errorCode": "ThrottlingException", "modelId": "amazon.nova-micro-v1:0", **ZERO_TOKENS},
    ],
    ids=[
        *("one token of another user", "zero tokens", "two days later", "far in the future"),
        *("older than the ledger", "error", "cheap model", "unknown model", "all at once"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["one delivery", "each by itself"])
def test_forged_twins_in_any_order_hide_no_call(forged: dict[str, Any], *, at_once: bool) -> None:
    real = read_message(json.dumps(REAL))
    assert isinstance(real, UsageRecord)
    twin = REAL | forged
    for number, order in enumerate(set(permutations([0, 1, 1]))):
        request_id = f"request-{number}"
        logs = [(twin if is_twin else REAL) | {"requestId": request_id} for is_twin in order]
        for batch in [logs] if at_once else [[line] for line in logs]:
            deliver(*batch)
        (call,) = (record for record in in_ledger() if record.request_id == request_id)
        assert (call.tokens, call.timestamp) == (real.tokens, real.timestamp)
        assert not call.is_failed
        cost = cost_of(call)
        assert cost.effective_usd == cost_of(real).effective_usd
        assert call.with_variant(cost.variant).model_id == OPUS_4
        is_blamed = call.identity_arn == VICTIM
        assert not is_blamed


def test_nine_cheap_forged_models_do_not_push_out_the_real_one() -> None:
    cheap = [REAL | {"modelId": f"a-model-{number}"} for number in range(9)]
    deliver(*cheap, REAL)
    (call,) = in_ledger()
    real = read_message(json.dumps(REAL))
    assert isinstance(real, UsageRecord)
    assert cost_of(call).effective_usd >= cost_of(real).effective_usd
