"""Sums over invocation logs as they are, without any of the meter's own readers and prices.

The demo compares its figures with them. They share no reader, so a reader's mistake shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple


class ListPrices(NamedTuple):
    """US dollars for a million tokens, by kind; `None` for kinds that the company does not use."""

    input: Decimal
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None


class PlainSums(NamedTuple):
    """The sums of some calls. Tokens and costs of failed calls do not count.

    Calls of a model without a price have no part in the cost.
    """

    calls: int = 0
    failed_calls: int = 0
    total_tokens: int = 0
    quota_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


_COUNTS = {
    "input": ("input", "inputTokenCount"),
    "output": ("output", "outputTokenCount"),
    "cache_read": ("input", "cacheReadInputTokenCount"),
    "cache_write": ("input", "cacheWriteInputTokenCount"),
}
# https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
_QUOTA_OF_CLAUDE_OUTPUT = 5


def _list_prices(*usd: str) -> ListPrices:
    return ListPrices(*map(Decimal, usd))


LIST_PRICES = {
    "us.anthropic.claude-sonnet-4-20250514-v1:0": _list_prices("3", "15"),
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": _list_prices("3.3", "16.5", "0.33", "4.125"),
    "us.anthropic.claude-haiku-4-5-20251001-v1:0": _list_prices("1.1", "5.5", "0.11", "1.375"),
    "global.anthropic.claude-haiku-4-5-20251001-v1:0": _list_prices("1", "5"),
    "amazon.nova-lite-v1:0": _list_prices("0.06", "0.24"),
    "amazon.titan-embed-text-v2:0": _list_prices("0.02"),
    "openai.gpt-oss-120b-1:0": _list_prices("0.15", "0.6"),
}
"""AWS's list prices in us-east-1 of the models that the company calls, by the names that it uses.

Source: https://aws.amazon.com/bedrock/pricing/
"""


def sum_calls(
    logs: Iterable[Mapping[str, Any]], key: Callable[[Mapping[str, Any]], str]
) -> dict[str, PlainSums]:
    """Add up calls, tokens and cost.

    Args:
        logs: The invocation logs.
        key: Returns the key of the group of a call.
    """
    sums: dict[str, PlainSums] = {}
    for log in logs:
        name, one = key(log), _read(log)
        sums[name] = add_sums([sums.get(name, PlainSums()), one])
    return sums


def add_sums(parts: Iterable[PlainSums]) -> PlainSums:
    """Add up sums."""
    total = PlainSums()
    for part in parts:
        total = PlainSums(
            total.calls + part.calls,
            total.failed_calls + part.failed_calls,
            total.total_tokens + part.total_tokens,
            total.quota_tokens + part.quota_tokens,
            total.cost_usd + part.cost_usd,
        )
    return total


def get_identity(log: Mapping[str, Any]) -> str:
    """Get the ARN of a call's caller."""
    arn: str = log["identity"]["arn"]
    return arn


def _read(log: Mapping[str, Any]) -> PlainSums:
    if "errorCode" in log:
        return PlainSums(failed_calls=1)
    tokens = dict(_read_tokens(log))
    model_prices = LIST_PRICES.get(log["modelId"])
    prices = dict.fromkeys(_COUNTS, Decimal(0)) if model_prices is None else model_prices._asdict()
    usd = sum((prices[kind] * count for kind, count in tokens.items()), Decimal(0))
    output_quota = _QUOTA_OF_CLAUDE_OUTPUT if "claude" in log["modelId"] else 1
    return PlainSums(
        calls=1,
        total_tokens=sum(tokens.values()),
        quota_tokens=tokens.get("input", 0)
        + tokens.get("cache_write", 0)
        + tokens.get("output", 0) * output_quota,
        cost_usd=usd / 1_000_000,
    )


def _read_tokens(log: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the counts above zero, by kind."""
    for kind, (part, name) in _COUNTS.items():
        if count := log[part].get(name):
            yield kind, count
