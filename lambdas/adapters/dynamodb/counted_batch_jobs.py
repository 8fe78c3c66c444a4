"""Stores the tokens of batch jobs in the state table, each job once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.items import TableItems, make_key, read_key
from lambdas.domain.ledger.state_table import BATCH_JOB_PREFIX
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY
from lambdas.domain.unlogged import BatchTokens, EndedBatchJob

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_JOB_RETENTION = timedelta(days=90)
"""Longer than a job is listed to be counted, so that no job is counted again."""


class DynamoDbCountedBatchJobs:
    """Keeps one item for each job: its tokens, and neither its name nor its role."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep jobs in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
            pause: Waits some seconds before unprocessed items are requested again.
        """
        self._items = TableItems(client, table_name, pause)

    def read(self, arns: Iterable[str]) -> Mapping[str, BatchTokens]:
        """Read the tokens of those jobs that are counted."""
        keys = dict.fromkeys(BATCH_JOB_PREFIX + arn for arn in arns)
        return {
            read_key(item).removeprefix(BATCH_JOB_PREFIX): BatchTokens(
                int(item["input_tokens"]["N"]), int(item["output_tokens"]["N"])
            )
            for item in self._items.get_all(keys)
        }

    def add(self, job: EndedBatchJob, tokens: BatchTokens) -> bool:
        """Add a job; `False` where it is counted, by this run or another one."""
        expires_at = round((job.ended_at + BATCH_JOB_RETENTION).timestamp())
        return self._items.put_if(
            f"attribute_not_exists({PARTITION_KEY})",
            {
                **make_key(BATCH_JOB_PREFIX + job.arn),
                "input_tokens": {"N": str(tokens.input)},
                "output_tokens": {"N": str(tokens.output)},
                EXPIRES_AT: {"N": str(expires_at)},
            },
        )
