"""Reads the log group itself again: `make replay FROM=... [TO=...]`.

Safe to repeat: the ledger contains each call once, and only new calls change metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.invocation import FunctionFailedError, invoke, open_functions
from cdk.operations.terminal import CommandError
from lambdas.domain.invocations.envelope import pack

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

# A call of a function takes 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_DELIVERY_BYTES = 3_000_000
MAX_DELIVERY_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Replay:
    """Delivers log events once more.

    Attributes:
        logs: A CloudWatch Logs client.
        functions: A Lambda client.
        log_group: The log group to read.
        log_processor: The function to deliver to.
    """

    logs: CloudWatchLogsClient
    functions: LambdaClient
    log_group: str
    log_processor: str

    def deliver(self, start: datetime, end: datetime) -> int:
        """Deliver everything logged from `start` to `end`, both aware; returns how many events.

        Raises:
            FunctionFailedError: A delivery failed. Replaying all again is safe.
        """
        events = 0
        for delivery in deliveries(self._events(start, end)):
            envelope = {
                "messageType": "DATA_MESSAGE",
                "owner": "replay",
                "logGroup": self.log_group,
                "logStream": delivery[0]["logStreamName"],
                "subscriptionFilters": ["replay"],
                "logEvents": [
                    {
                        "id": event["eventId"],
                        "timestamp": event["timestamp"],
                        "message": event["message"],
                    }
                    for event in delivery
                ],
            }
            invoke(self.functions, self.log_processor, {"awslogs": {"data": pack(envelope)}})
            events += len(delivery)
        return events

    def _events(self, start: datetime, end: datetime) -> Iterator[Any]:
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.log_group,
            startTime=_milliseconds(start),
            endTime=_milliseconds(end),
        )
        for page in pages:
            yield from page["events"]


def deliveries(events: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut log events, in order, into deliveries of one log stream that a function can take."""
    for _, stream in groupby(events, key=itemgetter("logStreamName")):
        delivery: list[Any] = []
        size = 0
        for event in stream:
            length = len(event["message"].encode())
            is_full = size + length > MAX_DELIVERY_BYTES
            if delivery and (is_full or len(delivery) == MAX_DELIVERY_EVENTS):
                yield delivery
                delivery, size = [], 0
            delivery.append(event)
            size += length
        yield delivery


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def replay_logs(session: boto3.Session, start: datetime, end: datetime) -> None:
    """Replay the events logged from `start` to `end`, both aware and in that order.

    Raises:
        CommandError: The ledger takes no calls of that time, or a delivery failed.
    """
    deployment = Deployment(session.client("cloudformation"))
    retention = timedelta(days=int(deployment.output(stack_names.STORAGE, "LedgerRetentionDays")))
    earliest = datetime.now(UTC) - retention
    if end <= earliest:
        message = f"the ledger keeps {retention.days} days: it accepts no older calls."
        raise CommandError(message)
    if start < earliest:
        print(f"The ledger keeps {retention.days} days: replaying from {earliest:%F %H:%M} UTC.")
        start = earliest
    replay = Replay(
        session.client("logs"),
        open_functions(session),
        deployment.metered_log_group,
        deployment.log_processor,
    )
    try:
        events = replay.deliver(start, end)
    except FunctionFailedError as error:
        message = f"{error}; see its log. Replaying again is safe."
        raise CommandError(message) from None
    print(f"Delivered {events} log events of {deployment.metered_log_group} again.")
