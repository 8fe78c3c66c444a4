"""Reads counters in a table, and writes all of a transaction or nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from lambdas.adapters.dynamodb.counter_items import (
    PARTS,
    begins_at,
    identity_key,
    part_key,
    read_cell,
    read_state,
    read_totals,
    read_value,
    single_key,
    sum_key,
    sum_part_key,
)
from lambdas.adapters.dynamodb.items import (
    DynamoDbTable,
    TableUnavailableError,
    read_key,
)
from lambdas.domain.counters import (
    Cell,
    CellSpan,
    CountersUnavailableError,
    CountingState,
    TooManyValuesError,
    UsageTotals,
)
from lambdas.domain.counters.table import (
    IDENTITY_INDEX,
    IDENTITY_KEY,
    IDENTITY_SORT_KEY,
    STATE_KEY,
)
from lambdas.domain.ledger.table import PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item


class DynamoDbCounters(DynamoDbTable):
    """Counters in one table."""

    def read_state(self) -> CountingState | None:
        """Read the counting state; `None` before the first."""
        item = self._get(STATE_KEY)
        return None if item is None else read_state(item)

    def read_accumulators(
        self, generation: int, names: Collection[str]
    ) -> Mapping[str, UsageTotals]:
        """Read accumulators of a generation by their names, of those that are for no value.

        Those that nothing was added to are left out.

        Raises:
            CountersUnavailableError: DynamoDB was too busy at every attempt.
        """
        wanted = {read_key(key := sum_key(generation, name, "")): (name, key) for name in names}
        return {
            wanted[read_key(item)][0]: read_totals(item)
            for item in self._get_each(key for _, key in wanted.values())
        }

    def read_values(
        self, generation: int, name: str, max_values: int | None = None
    ) -> Mapping[str, UsageTotals]:
        """Read all accumulators of a name by their values.

        Raises:
            TooManyValuesError: There are more than `max_values`.
        """
        items = (
            item
            for part in range(PARTS)
            for item in self._query_part(sum_part_key(generation, name, part))
        )
        found = {read_value(item): read_totals(item) for item in islice(items, max_values)}
        if next(items, None) is not None:
            message = f"{name} has more than {max_values:,} values"
            raise TooManyValuesError(message)
        return found

    def read_cells(
        self,
        generation: int,
        span: CellSpan,
        start: datetime,
        end: datetime,
        before_revision: int | None = None,
    ) -> Iterator[Cell]:
        """Read the cells that begin in a range of time, in order of time.

        What cells note for `before_revision` and later ones is left out.
        """
        begins = span.get_start(start)
        begins = begins if begins >= start else begins + span.length
        while begins < end:
            for part in range(PARTS):
                for item in self._query_part(part_key(generation, span, begins, part)):
                    yield read_cell(item, before_revision)
            begins += span.length

    def read_identity_cells(
        self, generation: int, identity_arn: str, span: CellSpan, start: datetime, end: datetime
    ) -> Iterator[Cell]:
        """Read the cells of one identity that begin in a range, in order of time.

        An index answers, which is a moment behind.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=IDENTITY_INDEX,
            KeyConditionExpression="#identity = :identity AND #begins BETWEEN :start AND :end",
            ExpressionAttributeNames={"#identity": IDENTITY_KEY, "#begins": IDENTITY_SORT_KEY},
            ExpressionAttributeValues={
                ":identity": {"S": identity_key(generation, identity_arn)},
                ":start": {"S": begins_at(span, start)},
                ":end": {"S": begins_at(span, end)},  # the sort key of a cell is longer
            },
        )
        return (read_cell(item) for page in pages for item in page["Items"])

    def _query_part(self, key: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="#pk = :pk",
            ExpressionAttributeNames={"#pk": PARTITION_KEY},
            ExpressionAttributeValues={":pk": {"S": key}},
            ConsistentRead=True,
        )
        return (item for page in pages for item in page["Items"])

    def _write(self, actions: Sequence[TransactWriteItemTypeDef]) -> list[bool]:
        """Write all or nothing, as `_write_all` does.

        Raises:
            CountersUnavailableError: It was refused at every attempt.
        """
        try:
            return self._write_all(actions)
        except TableUnavailableError as error:
            raise CountersUnavailableError(str(error)) from None

    def _get(self, key: str) -> Item | None:
        return self._get_item(single_key(key))

    def _get_each(self, keys: Iterable[Item]) -> Iterator[Item]:
        """Get those items that exist.

        Raises:
            CountersUnavailableError: DynamoDB was too busy at every attempt.
        """
        try:
            yield from self._get_items(keys)
        except TableUnavailableError as error:
            raise CountersUnavailableError(str(error)) from None
