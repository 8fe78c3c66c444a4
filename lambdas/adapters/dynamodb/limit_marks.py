"""Notes marks in the table of limits as due, so that each is sent once in a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.brake_items import make_item_key, write_json
from lambdas.adapters.dynamodb.transactions import read_cancellation_codes
from lambdas.domain.governance_keys import EXPIRES_AT, PARTITION_KEY
from lambdas.domain.limit_policies import DUE_MARKS, MARKS, NearMark
from lambdas.domain.limits import SECOND, RecentEntries

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item
    from lambdas.domain.limit_notices import DueMark

DETAIL = "detail"
"""The attribute with the content of a mark that is due."""
_MAX_NOTED = 10_000
_MAX_AGE = timedelta(hours=1)
_RETRY_AFTER = timedelta(minutes=1)
_DAY_SECONDS = 86_400
_REFUSED = "ConditionalCheckFailed"


class DynamoDbMarks:
    """Notes each mark in an item, with a copy while it is due.

    Both expire a day after the window.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        write: Callable[[NearMark, datetime], DueMark],
        log: Callable[[NearMark], None],
        report_failure: Callable[[str], None],
    ) -> None:
        """Note marks in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of limits.
            write: Writes what is sent of a mark.
            log: Logs a mark that was noted first here.
            report_failure: Reports why a mark was not noted.
        """
        self._client = client
        self._table_name = table_name
        self._write = write
        self._log = log
        self._report_failure = report_failure
        self._noted: RecentEntries[str, bool] = RecentEntries(_MAX_AGE, _MAX_NOTED)
        self._failed: RecentEntries[str, bool] = RecentEntries(_RETRY_AFTER, _MAX_NOTED)

    def report(self, marks: Sequence[NearMark], at: datetime) -> int:
        """Note those as due that no process has noted yet, and return their number.

        No call fails because of it. A mark that could not be noted is tried again with a call after
        a minute, so that few calls wait for it.
        """
        reported = 0
        for mark in marks:
            is_known = any(found.get(mark.id, at) for found in (self._noted, self._failed))
            if not is_known and self._note(mark, at):
                self._log(mark)
                reported += 1
        return reported

    def _note(self, mark: NearMark, at: datetime) -> bool:
        """Note a mark; `False` if it was noted before, or cannot be."""
        expires_at: Item = {EXPIRES_AT: {"N": str(mark.ends_at // SECOND + _DAY_SECONDS)}}
        due = self._write(mark, at)
        content: Item = {DETAIL: write_json(due.detail)}
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table_name,
                            "Item": {**make_item_key(MARKS, mark.id), **expires_at},
                            "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._table_name,
                            "Item": {**make_item_key(DUE_MARKS, mark.id), **expires_at, **content},
                        }
                    },
                ]
            )
        except ClientError as error:
            if _REFUSED in read_cancellation_codes(error):
                self._noted.add(mark.id, value=True, now=at)
            else:
                self._fail(mark, at, error)
            return False
        except BotoCoreError as error:
            self._fail(mark, at, error)
            return False
        self._noted.add(mark.id, value=True, now=at)
        return True

    def _fail(self, mark: NearMark, at: datetime, error: Exception) -> None:
        self._failed.add(mark.id, value=True, now=at)
        self._report_failure(str(error))
