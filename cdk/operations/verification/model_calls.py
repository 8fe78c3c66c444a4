"""Calls the cheapest model of the account, and checks that each call is logged and counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.operations.aws_errors import error_code
from cdk.operations.verification.check import CheckFailedError
from cdk.operations.verification.verified_meter import ModelCalls, VerifiedMeter
from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.metrics.catalog import (
    IDENTITY_ARN,
    INVOCATIONS,
    NAMESPACE,
    TOTAL_TOKENS,
    dimension_value,
)
from lambdas.domain.pricing import PriceBook, Route, TokenKind, shipped_prices

CALLS = 20
MAX_OUTPUT_TOKENS = 10
MAX_INPUT_TOKENS = 50
"""More tokens than the prompt has with any tokenizer."""
_PROMPT = "Answer with the word yes."
# The account may not use a model, or the model is not called in this way.
_NOT_USABLE = {
    *("AccessDeniedException", "ResourceNotFoundException", "ValidationException"),
    "ModelNotReadyException",
}


class PricedModel(NamedTuple):
    """A model, and the maximum cost of all calls of a verification.

    Attributes:
        usd: The cost in US dollars.
        model_id: The model.
    """

    usd: Decimal
    model_id: str


def list_models(session: boto3.Session, prices: PriceBook | None = None) -> list[PricedModel]:
    """List the text models that the Region offers on demand, the cheapest first."""
    book = shipped_prices() if prices is None else prices
    answer = session.client("bedrock").list_foundation_models(
        byOutputModality="TEXT", byInferenceType="ON_DEMAND"
    )
    route, day = Route(str(session.region_name)), datetime.now(UTC).date()
    found = []
    for summary in answer["modelSummaries"]:
        rates = book.get_prices(summary["modelId"], route, day).token_rates(MAX_INPUT_TOKENS)
        if TokenKind.INPUT in rates and TokenKind.OUTPUT in rates:
            usd = (
                MAX_INPUT_TOKENS * rates[TokenKind.INPUT].usd
                + MAX_OUTPUT_TOKENS * rates[TokenKind.OUTPUT].usd
            )
            found.append(PricedModel(CALLS * usd / 10**6, summary["modelId"]))
    return sorted(found)


def call_model(meter: VerifiedMeter) -> str:
    """Call the cheapest model that the account may use.

    Raises:
        CheckFailedError: It may use none.
    """
    client: Any = meter.session.client("bedrock-runtime")
    for priced in list_models(meter.session):
        try:
            usage = converse(client, priced.model_id)
        except ClientError as error:
            if error_code(error) not in _NOT_USABLE:
                raise
            continue
        usages = [usage, *(converse(client, priced.model_id) for _ in range(CALLS - 1))]
        meter.made = ModelCalls(
            priced.model_id,
            len(usages),
            sum(usage["inputTokens"] for usage in usages),
            sum(usage["outputTokens"] for usage in usages),
        )
        return f"{CALLS} calls of {priced.model_id}, {meter.made.total_tokens} tokens"
    message = (
        "the account can use no text model with a known price: enable one in the Bedrock console"
    )
    raise CheckFailedError(message)


def converse(client: Any, model_id: str, prompt: str = _PROMPT) -> dict[str, int]:  # noqa: ANN401  # a client without types
    """Call a model, and return the token counts of its answer."""
    answer = client.converse(
        modelId=model_id,
        messages=[{"role": "user", "content": [{"text": prompt}]}],
        inferenceConfig={"maxTokens": MAX_OUTPUT_TOKENS},
    )
    usage: dict[str, int] = answer["usage"]
    return usage


def check_log(meter: VerifiedMeter) -> str:
    """Check that the log group has a record of each call, with the tokens of Bedrock's answers.

    Bedrock also logs its own notice, and calls that failed: of models that the account may not use.
    """
    calls = meter.calls
    logs = meter.session.client("logs")
    begin = int(meter.started_at.timestamp() * 1000)

    def look() -> list[int]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=meter.deployment.metered_log_group, startTime=begin
        )
        readings = (read_message(event["message"]) for page in pages for event in page["events"])
        return [
            reading.tokens.total or 0
            for reading in readings
            if isinstance(reading, UsageRecord)
            and reading.identity_arn == meter.caller
            and not reading.is_failed
        ]

    found = meter.waiting.until(look, lambda tokens: len(tokens) >= calls.count)
    return _compare("log records", calls, len(found), sum(found))


def check_ledger(meter: VerifiedMeter) -> str:
    """Check that the ledger has each call once, with the tokens of Bedrock's answers."""
    calls = meter.calls
    client = meter.session.client("dynamodb")
    table = meter.deployment.output(stack_names.STORAGE, "LedgerTableName")

    def items() -> Iterator[dict[str, Any]]:
        for page in client.get_paginator("scan").paginate(TableName=table):
            yield from page["Items"]

    def look() -> list[int]:
        return [
            sum(int(item[kind]["N"]) for kind in ("input", "output") if kind in item)
            for item in items()
            if item.get("identity_arn", {}).get("S") == meter.caller and "error_code" not in item
        ]

    found = meter.waiting.until(look, lambda tokens: len(tokens) >= calls.count)
    return _compare("calls in the ledger", calls, len(found), sum(found))


def check_metrics(meter: VerifiedMeter) -> str:
    """Check that the caller's metrics have the calls and their tokens."""
    calls = meter.calls
    dimensions = {IDENTITY_ARN: dimension_value(meter.caller)}

    def look() -> tuple[int, int]:
        count, tokens = (
            round(
                sum(meter.answers.read(NAMESPACE, metric.name, dimensions, "Sum", meter.started_at))
            )
            for metric in (INVOCATIONS, TOTAL_TOKENS)
        )
        return count, tokens

    found = meter.waiting.until(look, lambda sums: sums >= (calls.count, calls.total_tokens))
    return _compare("calls in metrics", calls, *found)


def _compare(what: str, calls: ModelCalls, count: int, tokens: int) -> str:
    """Compare with the calls that were made.

    Raises:
        CheckFailedError: They differ.
    """
    text = f"{count} {what}, {tokens} tokens"
    if (count, tokens) != (calls.count, calls.total_tokens):
        message = f"{text}; Bedrock answered {calls.count} calls with {calls.total_tokens} tokens"
        raise CheckFailedError(message)
    return text
