"""The story of `make demo` shows what callers of the gateway see of their limits."""

import json

from rich.console import Console
from rich.table import Table

from dashboards.demo.company_gateway import (
    FREE,
    GOLD,
    LIMITS,
    THROTTLED,
    TOO_LARGE,
    Counted,
    GatewayAnswer,
)
from dashboards.demo.gateway_story import (
    answer_table,
    describe_counts,
    describe_limits,
    quote_refusal,
)

HEADERS = {
    "ratelimit-policy": '"tokens";q=6000;qu="total";w=5;pk=:dHJpYWw=:',
    "ratelimit": '"tokens";r=1694;t=5;pk=:dHJpYWw=:',
    "retry-after": "5",
    "x-amz-retry-after": "4803",
}
ANSWERED = GatewayAnswer(FREE, "Converse", None, 1025, HEADERS)
REFUSED = GatewayAnswer(FREE, "ConverseStream", THROTTLED, 0, HEADERS)


def print_rows(table: Table) -> list[str]:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    return [" ".join(line.split()) for line in captured.get().splitlines()[1:]]


def test_limits_are_described_as_the_file_has_them() -> None:
    text = describe_limits(json.loads(LIMITS.read_text()))
    assert (
        "Limits in any 5 seconds, applied with bedrock-meter limits apply: 6,000 tokens for each"
        " caller of the tier free, 60,000 tokens for each caller of the tier gold."
    ) in text


def test_an_answer_has_its_tokens_and_what_is_left() -> None:
    (row,) = print_rows(answer_table([ANSWERED]))
    assert row == "trial@example.com free Converse answered 1,025 1,694 of 6,000"


def test_refusals_have_a_reason_and_no_tokens() -> None:
    too_large = GatewayAnswer(GOLD, "Converse", TOO_LARGE, 0, {})
    throttled_row, too_large_row = print_rows(answer_table([REFUSED, too_large]))
    meaning = "too little of the limit is left"
    assert f"ConverseStream ThrottlingException: {meaning} - 1,694 of 6,000" in throttled_row
    meaning = "maxTokens is more than the whole limit"
    assert f"Converse ServiceQuotaExceededException: {meaning} - -" in too_large_row


def test_a_wait_is_part_of_the_answer() -> None:
    (row,) = print_rows(answer_table([ANSWERED._replace(waited_seconds=4.803)]))
    assert "answered after a wait of 4.8 s" in row


def test_headers_of_the_refusal_are_quoted_without_the_caller() -> None:
    text = quote_refusal([ANSWERED, REFUSED])
    assert "A call reserves the most that it can use (4,306 tokens here)." in text
    assert text.endswith(
        'RateLimit: "tokens";r=1694;t=5; RateLimit-Policy: "tokens";q=6000;qu="total";w=5;'
        " Retry-After: 5; x-amz-retry-after: 4803."
    )


def test_counts_name_the_identity_of_each_caller() -> None:
    text = describe_counts({FREE: Counted(3, 3075), GOLD: Counted(1, 1025)})
    role = "111122223333 role/BedrockMeter-GatewayCaller-us-east-1"
    assert text.endswith(
        f"{role}/trial@example.com: 3 calls, 3,075 tokens; {role}/checkout@example.com: 1 call,"
        " 1,025 tokens."
    )
