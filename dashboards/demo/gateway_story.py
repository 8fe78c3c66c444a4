"""The text of the demo about the gateway: what callers see of their limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable, printable_name
from dashboards.demo.company_gateway import THROTTLED, Caller, Counted, GatewayAnswer
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.words import plural

_QUOTED_HEADERS = ("RateLimit", "RateLimit-Policy", "Retry-After", "x-amz-retry-after")
_PARTITION = re.compile(r";pk=:[^:]*:")
_LEFT, _QUOTA = re.compile(r";r=(\d+)"), re.compile(r";q=(\d+)")
_MEANINGS = {
    THROTTLED: "too little of the limit is left",
    "ServiceQuotaExceededException": "maxTokens is more than the whole limit",
}


class _Rest(NamedTuple):
    """The rest of a limit, and the limit."""

    left: int
    quota: int


def describe_limits(declared: Mapping[str, Any]) -> str:
    """Describe how callers get their limits, by the file of these."""
    limits = {
        name: tier["policies"][0]["limits"][0] for name, tier in sorted(declared["tiers"].items())
    }
    amounts = ", ".join(
        f"{limit['amount']:,} tokens for each caller of the tier {name}"
        for name, limit in limits.items()
    )
    (window,) = {limit["per"].removesuffix("s") for limit in limits.values()}
    return (
        "The gateway refuses calls before they cost anything. Limits in any"
        f" {window} seconds, applied with bedrock-meter limits apply: {amounts}. Callers have keys"
        " from bedrock-meter keys create. They use AWS's SDK for Python, unmodified, with the"
        " gateway's URL."
    )


def answer_table(answers: Sequence[GatewayAnswer]) -> Table:
    """Make a table of the answers, in order."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Caller", "Tier", "Call", "Answer"):
        table.add_column(name, no_wrap=name != "Answer")
    for name in ("Tokens used", "Left of the limit"):
        table.add_column(name, justify="right", no_wrap=True)
    for answer in answers:
        table.add_row(
            Text(printable_name(answer.caller.owner)),
            answer.caller.tier,
            answer.operation,
            _describe_answer(answer),
            "-" if answer.refusal else f"{answer.used_tokens:,}",
            _describe_rest(answer.headers),
        )
    return table


def quote_refusal(answers: Sequence[GatewayAnswer]) -> str:
    """Say how much a call reserves, and quote the headers of the call that was throttled."""
    first = _read_rest(answers[0].headers)
    (refused,) = (answer for answer in answers if answer.refusal == THROTTLED)
    quoted = "; ".join(
        f"{name}: {_PARTITION.sub('', refused.headers[name.lower()])}" for name in _QUOTED_HEADERS
    )
    reserved = "" if first is None else f" ({first.quota - first.left:,} tokens here)"
    return (
        f"A call reserves the most that it can use{reserved}. Once it is answered, what it has used"
        f" takes the place of that. Headers of the throttled call: {printable(quoted)}."
    )


def describe_counts(counts: Mapping[Caller, Counted]) -> str:
    """Describe the calls that the meter has counted, by identity."""
    listed = "; ".join(
        f"{printable_name(shorten_identity(caller.arn))}: {plural(counted.calls, 'call')},"
        f" {counted.total_tokens:,} tokens"
        for caller, counted in counts.items()
    )
    return (
        "Counted by the meter, each caller under its own identity, with the tokens that the answers"
        f" reported: {listed}."
    )


def _describe_answer(answer: GatewayAnswer) -> Text:
    if answer.refusal is not None:
        meaning = _MEANINGS.get(answer.refusal)
        return Text(answer.refusal if meaning is None else f"{answer.refusal}: {meaning}", "red")
    waited = answer.waited_seconds
    return Text(f"answered after a wait of {waited:.1f} s" if waited else "answered")


def _describe_rest(headers: Mapping[str, str]) -> str:
    rest = _read_rest(headers)
    return "-" if rest is None else f"{rest.left:,} of {rest.quota:,}"


def _read_rest(headers: Mapping[str, str]) -> _Rest | None:
    """Read what is left of the limit after all reservations; `None` without a limit."""
    left = _LEFT.search(headers.get("ratelimit", ""))
    quota = _QUOTA.search(headers.get("ratelimit-policy", ""))
    return _Rest(int(left[1]), int(quota[1])) if left and quota else None
