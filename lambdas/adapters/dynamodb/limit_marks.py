"""Notes near-limit marks in the table of limits, so that each is reported once in a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.refusals import error_code
from lambdas.domain.governance_keys import EXPIRES_AT, PARTITION_KEY
from lambdas.domain.limit_policies import MARKS, NearMark
from lambdas.domain.limits import SECOND, RecentEntries

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_NOTED = 10_000
_MAX_AGE = timedelta(hours=1)
_DAY_SECONDS = 86_400


class DynamoDbMarks:
    """Notes each mark in an item, which expires a day after its window."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        send: Callable[[NearMark], None],
    ) -> None:
        """Note marks in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of limits.
            send: Reports a mark that was not reported before.
        """
        self._client = client
        self._table_name = table_name
        self._send = send
        self._noted: RecentEntries[str, bool] = RecentEntries(_MAX_AGE, _MAX_NOTED)

    def report(self, marks: Sequence[NearMark], at: datetime) -> int:
        """Report those that no process has reported yet, and return their number.

        No call fails because of it. A mark that could not be noted is noted with the next call.
        """
        reported = 0
        for mark in marks:
            if self._noted.get(mark.id, at) is None and self._note(mark, at):
                self._send(mark)
                reported += 1
        return reported

    def _note(self, mark: NearMark, at: datetime) -> bool:
        """Note a mark; `False` if it was noted before, or cannot be."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    **make_item_key(MARKS, mark.id),
                    EXPIRES_AT: {"N": str(mark.ends_at // SECOND + _DAY_SECONDS)},
                },
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
            )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                self._noted.add(mark.id, value=True, now=at)
            return False
        except BotoCoreError:
            return False
        self._noted.add(mark.id, value=True, now=at)
        return True
