"""Stores limits in DynamoDB: a reservation and its settlement are one write each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.bounded_entries import add_bounded
from lambdas.adapters.dynamodb.limit_items import (
    LATE,
    OPEN,
    PARTITION_KEY,
    SORT_KEY,
    StoredSubject,
    make_item_key,
    read_subject,
)
from lambdas.adapters.dynamodb.limit_writes import (
    LimitWrite,
    add_reservation,
    create_item,
    is_exact,
    raise_total,
    set_aside,
    settle_reservation,
)
from lambdas.adapters.refusals import failure_code
from lambdas.domain.limits import (
    NO_USE,
    Amounts,
    Decision,
    Limit,
    LimitStoreError,
    LimitSubject,
    StoredReservation,
    SubjectState,
    UnreadableSubjectError,
    describe_admission,
    list_changes,
    list_partitions,
    make_charges,
    raise_counter,
    reserve,
    to_moment,
)
from lambdas.domain.words import list_names

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_ATTEMPTS = 12
_MAX_SUBJECTS = 1000
_EMPTY = StoredSubject()
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""The errors of an item that another version wrote, or that someone has changed."""


class DynamoDbLimits:
    """Stores the state of each subject in one item.

    The last image of an item is kept, and the next write is planned from it. DynamoDB decides: a
    condition that fails returns the item as it is, from which the write is planned again. A call is
    refused only by an item that has just been read.
    """

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store limits in a table.

        Args:
            client: A DynamoDB client. Its own retries are safe.
            table_name: The table.
        """
        self._client = client
        self._table_name = table_name
        self._images: dict[str, StoredSubject] = {}

    def reserve(
        self, subject: LimitSubject, reservation_id: str, need: Amounts, at: datetime
    ) -> Decision:
        """Reserve what a call needs, or refuse it."""
        moment = to_moment(at)
        image, is_fresh = self._images.get(subject.id), False
        for _ in range(_MAX_ATTEMPTS):
            before = image or _EMPTY
            after, decision = reserve(before.state, subject, reservation_id, need, moment)
            has_to_advance = after.moment != before.state.moment or is_exact(before, after)
            if not is_fresh and (decision.entry is None or has_to_advance):
                # Others may have removed slots that have left. A read costs less than a write that
                # fails.
                image, is_fresh = self._read(subject.id), True
                continue
            if decision.entry is None or reservation_id in before.state.entries:
                return decision
            write = (
                create_item(after)
                if image is None
                else add_reservation(before, after, subject, reservation_id)
            )
            is_written, image = self._update(subject.id, write)
            if is_written and image is not None:
                return describe_admission(image.state, subject, decision.entry, need)
            is_fresh = True
        message = f"limits of a subject changed at each of {_MAX_ATTEMPTS} attempts"
        raise LimitStoreError(message)

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        """Replace what was reserved by what was used."""
        moment, entry = to_moment(at), reservation.entry
        state = self._images.get(reservation.subject, _EMPTY).state
        changes = list_changes(entry, used, moment)
        for _ in range(_MAX_ATTEMPTS):
            known = max(moment, state.moment)
            write = settle_reservation(reservation.id, entry, changes, state, known)
            is_written, image = self._update(reservation.subject, write)
            if is_written:
                return True
            if image is None or reservation.id not in image.state.entries:
                return False
            state = image.state
            changes = [
                change
                for change in list_changes(entry, used, max(moment, state.moment))
                if change.key in state.counters
            ]
        message = f"a reservation was not settled at {_MAX_ATTEMPTS} attempts"
        raise LimitStoreError(message)

    def set_aside(self, reservation: StoredReservation) -> bool:
        """Note that a call has ended, and that what it has used is not known yet."""
        is_written, _ = self._update(
            reservation.subject, set_aside(reservation.id, reservation.entry)
        )
        return is_written

    def expects_refusal(self, subject: LimitSubject, need: Amounts, at: datetime) -> bool:
        """True if the last image of a subject refuses the call."""
        image = self._images.get(subject.id)
        if image is None:
            return False
        _, decision = reserve(image.state, subject, "", need, to_moment(at))
        return decision.refusal is not None

    def raise_counter(
        self, subject: LimitSubject, limit: Limit, counted: int, at: datetime
    ) -> bool:
        """Raise the counter of a limit to what was counted elsewhere.

        Raises:
            ValueError: The limit has no counter.
        """
        if limit.key is None:
            message = f"{limit.unit} has no counter"
            raise ValueError(message)
        keys, image = make_charges(subject, NO_USE), self._read(subject.id)
        for _ in range(_MAX_ATTEMPTS):
            before = image or _EMPTY
            after = raise_counter(before.state, keys, limit.key, counted, to_moment(at))
            if after is before.state:
                return False
            write = create_item(after) if image is None else raise_total(before, after, limit.key)
            is_written, image = self._update(subject.id, write)
            if is_written:
                return True
        message = f"a counter of a subject changed at each of {_MAX_ATTEMPTS} attempts"
        raise LimitStoreError(message)

    def read(self, subject_id: str) -> SubjectState | None:
        """Read the state of a subject with a consistent read."""
        image = self._read(subject_id)
        return None if image is None else image.state

    def _read(self, subject_id: str) -> StoredSubject | None:
        try:
            answer = self._client.get_item(
                TableName=self._table_name, Key=make_item_key(subject_id), ConsistentRead=True
            )
        except (BotoCoreError, ClientError) as error:
            raise LimitStoreError(failure_code(error)) from error
        item = answer.get("Item")
        return None if item is None else self._keep(subject_id, item)

    def list_open(self, before: datetime) -> Iterator[StoredReservation]:
        """List the reservations that do not run any more, partition by partition.

        Raises:
            UnreadableSubjectError: Some subjects were left out. The text names them.
            LimitStoreError: DynamoDB did not answer.
        """
        moment, unreadable = to_moment(before), list[str]()
        for item in self._list_items():
            subject_id = item[SORT_KEY]["S"]
            try:
                state = self._keep(subject_id, item).state
            except UnreadableSubjectError:
                unreadable.append(subject_id)
                continue
            for name, entry in state.entries.items():
                if entry.has_ended or entry.at < moment:
                    yield StoredReservation(subject_id, name, entry)
        if unreadable:
            raise UnreadableSubjectError(list_names(unreadable))

    def _list_items(self) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query")
        try:
            for partition in list_partitions():
                for page in pages.paginate(
                    TableName=self._table_name,
                    KeyConditionExpression=f"{PARTITION_KEY} = :partition",
                    FilterExpression="size(#open) > :none OR size(#late) > :none",
                    ExpressionAttributeNames={"#open": OPEN, "#late": LATE},
                    ExpressionAttributeValues={":partition": {"S": partition}, ":none": {"N": "0"}},
                ):
                    yield from page["Items"]
        except (BotoCoreError, ClientError) as error:
            raise LimitStoreError(failure_code(error)) from error

    def _update(self, subject_id: str, write: LimitWrite) -> tuple[bool, StoredSubject | None]:
        """Update an item; returns whether it was written, and the item as it is.

        Raises:
            LimitStoreError: It may be written or not.
        """
        try:
            answer = self._client.update_item(
                TableName=self._table_name,
                Key=make_item_key(subject_id),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **write.make_request(),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item: Any = error.response.get("Item")
            return False, None if item is None else self._keep(subject_id, item)
        except (BotoCoreError, ClientError) as error:
            raise LimitStoreError(failure_code(error)) from error
        return True, self._keep(subject_id, answer["Attributes"])

    def _keep(self, subject_id: str, item: Mapping[str, Any]) -> StoredSubject:
        """Read an item, and keep its image.

        Raises:
            UnreadableSubjectError: It cannot be read.
        """
        try:
            image = read_subject(item)
        except _UNREADABLE as error:
            self._images.pop(subject_id, None)
            raise UnreadableSubjectError(subject_id) from error
        add_bounded(self._images, subject_id, image, _MAX_SUBJECTS)
        return image
