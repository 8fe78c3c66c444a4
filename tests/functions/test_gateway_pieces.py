"""Pieces of an answer reach the event loop in order, whole, and without filling the memory."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.functions.gateway.piece_pump import MAX_WAITING, pump


async def collect(pieces: Iterator[bytes]) -> list[bytes]:
    return [piece async for piece in pump(pieces)]


@given(st.lists(st.binary(max_size=5), max_size=600))
def test_all_bytes_arrive_in_order(pieces: list[bytes]) -> None:
    assert b"".join(asyncio.run(collect(iter(pieces)))) == b"".join(pieces)


def test_a_piece_is_given_out_before_the_next_one_arrives() -> None:
    has_first = threading.Event()

    def read() -> Iterator[bytes]:
        yield b"first"
        assert has_first.wait(10)
        yield b"second"

    async def scenario() -> list[bytes]:
        received = list[bytes]()
        async for piece in pump(read()):
            received.append(piece)
            has_first.set()
        return received

    assert asyncio.run(scenario()) == [b"first", b"second"]


def test_an_error_comes_after_the_pieces_before_it() -> None:
    def read() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise LookupError

    received = list[bytes]()

    async def scenario() -> None:
        async for piece in pump(read()):
            received.append(piece)

    with pytest.raises(LookupError):
        asyncio.run(scenario())
    assert b"".join(received) == b"ab"


def test_a_slow_caller_makes_bedrock_wait() -> None:
    taken = list[int]()
    is_full = threading.Event()

    def read() -> Iterator[bytes]:
        for number in range(10 * MAX_WAITING):
            taken.append(number)
            if number == MAX_WAITING:
                is_full.set()
            yield b"x"

    async def scenario() -> int:
        total, max_waiting = 0, 0
        async for piece in pump(read()):
            if not total:
                assert is_full.wait(10)
            total += len(piece)
            max_waiting = max(max_waiting, len(taken) - total)
        assert total == 10 * MAX_WAITING
        return max_waiting

    # One piece in the hands of the reader, and one batch in those of the caller.
    assert asyncio.run(scenario()) <= 2 * MAX_WAITING + 1


def test_the_reader_ends_when_its_caller_leaves() -> None:
    taken = list[int]()

    def read() -> Iterator[bytes]:
        for number in range(100 * MAX_WAITING):
            taken.append(number)
            yield b"x"

    async def scenario() -> None:
        pieces = pump(read())
        await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]  # a generator

    asyncio.run(scenario())
    assert len(taken) < 100 * MAX_WAITING
