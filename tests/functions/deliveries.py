"""Logs as Lambda delivers them to `log_processor`, and the ledger's stream to the publisher."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.functions.log_processor import handler as log_processor
from lambdas.functions.metric_publisher import handler as metric_publisher
from tests.aws import LEDGER, lambda_context
from tests.log_deliveries import pack

_CONTEXT = lambda_context(120_000)


def deliver(*messages: str) -> None:
    """Deliver messages of the metered log group."""
    log_processor.lambda_handler({"awslogs": {"data": pack(messages)}}, _CONTEXT)


class Table:
    """The ledger table, with the stream that DynamoDB makes of its changes.

    moto's own stream reports a put that changes nothing; DynamoDB's does not.
    """

    def __init__(self) -> None:
        self.before: dict[str, Any] = {}
        self.sequence = 0

    def changes(self) -> list[dict[str, Any]]:
        """Return the changes since the last time."""
        items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
        now = {item["pk"]["S"]: item for item in items}
        found = []
        for key in {**self.before, **now}:
            before, after = self.before.get(key), now.get(key)
            if before != after:
                self.sequence += 1
                images: dict[str, Any] = {
                    "SequenceNumber": f"{self.sequence:021}",
                    "ApproximateCreationDateTime": datetime.now(UTC).timestamp(),
                }
                if before is not None:
                    images["OldImage"] = before
                if after is not None:
                    images["NewImage"] = after
                name = "REMOVE" if after is None else "INSERT" if before is None else "MODIFY"
                found.append({"eventName": name, "dynamodb": images})
        self.before = now
        return found


def publish(changes: list[dict[str, Any]]) -> int:
    """Deliver a batch as Lambda does, until nothing is reported to have failed; says how often."""
    times = 0
    while changes:
        times += 1
        answer = metric_publisher.lambda_handler({"Records": changes}, _CONTEXT)
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        numbers = [change["dynamodb"]["SequenceNumber"] for change in changes]
        changes = changes[numbers.index(failed[0]) :] if failed else []
    return times
