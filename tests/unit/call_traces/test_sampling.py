"""Sampling: a share of all traces, the same ones everywhere."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.call_traces import Sampler, TraceParent

SHARES = st.decimals(0, 1, places=6)
IDS = st.binary(min_size=16, max_size=16)


def make_id(value: int) -> bytes:
    """Make an id with a random part, which is its last seven bytes."""
    return b"\x01" * 9 + value.to_bytes(7)


@pytest.mark.parametrize("share", ["0", "0.001", "0.05", "0.25", "0.5", "0.999", "1"])
def test_the_share_is_exact_over_equally_distributed_ids(share: str) -> None:
    """Of ids at equal distances, as many are chosen as the share says."""
    sampler, ids = Sampler(Decimal(share)), 100_000
    distance = 2**56 // ids
    chosen = sum(
        sampler.is_sampled(make_id(n * distance + distance // 2), None) for n in range(ids)
    )
    assert chosen == Decimal(share) * ids


def test_the_share_of_random_ids_is_near_it() -> None:
    random, ids = Random(7), 20_000  # noqa: S311  # the same ids in each run
    sampler = Sampler(Decimal("0.2"))
    chosen = sum(sampler.is_sampled(random.randbytes(16), None) for _ in range(ids))
    assert abs(chosen - 4000) < 5 * 57  # five standard deviations


@given(SHARES, SHARES, IDS)
def test_a_larger_share_keeps_what_a_smaller_one_has_chosen(
    one: Decimal, other: Decimal, trace_id: bytes
) -> None:
    smaller, larger = sorted((one, other))
    if Sampler(smaller).is_sampled(trace_id, None):
        assert Sampler(larger).is_sampled(trace_id, None)


@given(SHARES, IDS, st.booleans())
def test_a_caller_decides_for_its_own_trace_while_traces_are_on(
    share: Decimal, trace_id: bytes, is_sampled: bool
) -> None:
    parent = TraceParent(trace_id, bytes(8), is_sampled)
    assert Sampler(share).is_sampled(trace_id, parent) is (is_sampled and share > 0)
