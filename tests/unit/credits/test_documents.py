"""Documents of credits are read as they were written, and tolerate later fields."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.domain.credits import (
    read_balance,
    read_cell,
    read_entry,
    read_grant,
    read_snapshot,
    read_usd,
    write_balance,
    write_cell,
    write_entry,
    write_grant,
    write_snapshot,
)
from tests.builders import NOON
from tests.credit_books import HOUR, Books, make_cell, make_grant, make_scope


def make_books() -> Books:
    books = Books()
    books.grant(
        make_grant(
            amount=10**12 // 3,
            scope=make_scope("chat", model=("nova-*",)),
            expires_at=NOON + HOUR,
            note="order 1",
        )
    )
    books.grant(make_grant("july", 5))
    books.use({make_cell(): 10**12, make_cell("batch"): 2})
    books.expire(NOON + 9 * HOUR)
    books.void("july", NOON + 9 * HOUR)
    return books


BOOKS = make_books()
CASES: list[tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = [
    *((balance.grant, write_grant, read_grant) for balance in BOOKS.book.grants.values()),
    *((balance, write_balance, read_balance) for balance in BOOKS.book.grants.values()),
    *((entry, write_entry, read_entry) for entry in BOOKS.entries),
    *((cell, write_cell, read_cell) for cell in BOOKS.cells.values()),
    (BOOKS.take_snapshot(NOON + HOUR), write_snapshot, read_snapshot),
]


@pytest.mark.parametrize(("value", "write", "read"), CASES)
def test_a_document_is_read_as_it_was_written(
    value: Any, write: Callable[[Any], Any], read: Callable[[Any], Any]
) -> None:
    document = json.loads(json.dumps(write(value)))
    assert read(document) == value
    assert read(document | {"added_later": [1]}) == value


@pytest.mark.parametrize(("value", "write", "read"), CASES)
def test_a_document_of_a_later_version_is_refused(
    value: Any, write: Callable[[Any], Any], read: Callable[[Any], Any]
) -> None:
    with pytest.raises(ValueError, match="update the meter"):
        read(write(value) | {"version": 2})


def test_money_is_exact_text() -> None:
    assert write_grant(make_grant(amount=1))["usd"] == "0.000000000001"
    assert read_usd("0.000000000001") == 1
    with pytest.raises(ValueError, match="more than 12 decimal places"):
        read_usd("0.0000000000001")
