"""Needs of the gateway in an account, as `make doctor` reports them: concurrency, and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_xray import XRayClient

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
MIN_UNRESERVED = 100
"""Lambda keeps so many concurrent calls for functions without a reservation."""


class ConcurrencyRoom(NamedTuple):
    """The room for a reservation.

    Attributes:
        is_enough: True if a deployment can reserve as much as the settings say.
        text: What an operator should know.
    """

    is_enough: bool
    text: str


class TraceState(NamedTuple):
    """The state of X-Ray, where the gateway sends traces.

    Attributes:
        text: What an operator should know; empty if X-Ray takes them.
        is_unknown: True if it could not be read.
    """

    text: str = ""
    is_unknown: bool = False


def find_room(client: LambdaClient, wanted: int | None) -> ConcurrencyRoom:
    """Compare the setting `gateway_concurrency` with what is left in the account.

    Args:
        client: A Lambda client.
        wanted: The setting; `None` if nothing is to be reserved.
    """
    if wanted is None:
        return ConcurrencyRoom(is_enough=True, text="Not deployed yet. It reserves no concurrency.")
    limits = client.get_account_settings()["AccountLimit"]
    left = max(limits["UnreservedConcurrentExecutions"] - MIN_UNRESERVED, 0)
    found = f"gateway_concurrency is {wanted:,}, and the account can reserve {left:,} more"
    if wanted <= left:
        return ConcurrencyRoom(is_enough=True, text=f"Not deployed yet. {found}.")
    advice = (
        'set it to "none"' if left == 0 else f'set it to {left:,} at most, or to "none"'
    ) + ", or request a higher quota of concurrent executions."
    return ConcurrencyRoom(is_enough=False, text=f"{found}: {advice}")


def read_trace_state(client: XRayClient) -> TraceState:
    """Check that Transaction Search is on, without which X-Ray's OTLP endpoint takes no trace.

    https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSegmentDestination.html
    """
    try:
        found = client.get_trace_segment_destination()
    except (BotoCoreError, ClientError) as error:
        reason = " ".join(str(error).split())
        text = f"Could not check if X-Ray takes traces: {reason.removesuffix('.')}."
        return TraceState(text, is_unknown=True)
    if found.get("Destination") == "CloudWatchLogs":
        return TraceState()
    return TraceState(
        "gateway_trace_share is above 0, but X-Ray takes no traces: switch CloudWatch Transaction"
        " Search on (docs/gateway-traces.md)."
    )
