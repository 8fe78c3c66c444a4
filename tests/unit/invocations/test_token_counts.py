"""Valid token counts, and their sums."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.token_counts import read_count
from tests.builders import token_counts
from tests.unit.invocations.records import json_values

LARGEST = 10**12


@pytest.mark.parametrize(
    ("value", "count"),
    [
        pytest.param(0, 0, id="zero"),
        pytest.param(219, 219, id="integer"),
        pytest.param(LARGEST, LARGEST, id="largest"),
        pytest.param(28.0, 28, id="integral_float"),
        pytest.param(0.0, 0, id="float_zero"),
        pytest.param(1e12, LARGEST, id="largest_float"),
        pytest.param("42", 42, id="digits"),
        pytest.param("0", 0, id="digit_zero"),
        pytest.param("007", 7, id="leading_zeros"),
        pytest.param("0" * 5000 + "7", 7, id="thousands_of_leading_zeros"),
        pytest.param(str(LARGEST), LARGEST, id="largest_in_digits"),
    ],
)
def test_integers_integral_floats_and_digit_strings_are_counts(value: object, count: int) -> None:
    assert read_count(value) == count
    assert type(read_count(value)) is int


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param(True, id="true"),
        pytest.param(False, id="false"),
        pytest.param(-1, id="negative"),
        pytest.param(-1.0, id="negative_float"),
        pytest.param("-1", id="negative_digits"),
        pytest.param(LARGEST + 1, id="too_large"),
        pytest.param(1e13, id="too_large_float"),
        pytest.param(1e308, id="huge_float"),
        pytest.param(str(LARGEST + 1), id="too_large_in_digits"),
        pytest.param("9" * 5000, id="thousands_of_digits"),
        pytest.param(10**5000, id="integer_of_thousands_of_digits"),
        pytest.param(0.5, id="fraction"),
        pytest.param(math.nan, id="nan"),
        pytest.param(math.inf, id="infinity"),
        pytest.param(-math.inf, id="negative_infinity"),
        pytest.param("", id="empty_text"),
        pytest.param(" 5", id="blank_before_digits"),
        pytest.param("5\n", id="line_end_after_digits"),
        pytest.param("+5", id="signed_digits"),
        pytest.param("1_000", id="underscored_digits"),
        pytest.param("5.5", id="fraction_in_digits"),
        pytest.param("<count>", id="placeholder"),
        pytest.param("\u0665", id="arabic_digit"),
        pytest.param("\u00b2", id="superscript"),
        pytest.param("\ud800", id="lone_surrogate"),
        pytest.param([5], id="list"),
        pytest.param({"count": 5}, id="object"),
    ],
)
def test_any_other_value_is_an_absent_count(value: object) -> None:
    assert read_count(value) is None


@given(json_values())
def test_a_count_is_an_integer_within_bounds_or_absent(value: object) -> None:
    count = read_count(value)
    assert count is None or (type(count) is int and 0 <= count <= LARGEST)


@given(st.integers(0, LARGEST))
def test_a_count_is_the_same_in_any_notation(count: int) -> None:
    assert read_count(count) == read_count(float(count)) == read_count(str(count)) == count


def test_cache_tokens_are_part_of_the_input_and_of_the_total() -> None:
    tokens = TokenCounts(input=3, output=52, cache_read=100, cache_write=24_479)
    assert tokens.total_input == 3 + 100 + 24_479
    assert tokens.total == 3 + 100 + 24_479 + 52


def test_one_hour_cache_writes_are_not_counted_twice() -> None:
    assert TokenCounts(cache_write=100, cache_write_1h=60).total == 100


def test_a_missing_count_is_absent_not_zero() -> None:
    assert TokenCounts().total is None
    assert TokenCounts().total_input is None
    assert TokenCounts(output=5).total_input is None


def test_a_count_of_zero_is_known() -> None:
    assert TokenCounts(input=0).total == 0
    assert not TokenCounts(input=0).is_missing
    assert not TokenCounts(output=0).is_missing


def test_counts_are_missing_if_neither_input_nor_output_is_known() -> None:
    assert TokenCounts().is_missing
    assert TokenCounts(cache_read=5, cache_write=5).is_missing


def test_an_embedding_with_only_an_input_has_no_missing_counts() -> None:
    assert not TokenCounts(input=6).is_missing


@given(token_counts)
def test_the_total_is_the_sum_of_the_known_disjoint_counts(tokens: TokenCounts) -> None:
    disjoint = (tokens.input, tokens.output, tokens.cache_read, tokens.cache_write)
    assert (tokens.total or 0) == sum(count or 0 for count in disjoint)
    assert (tokens.total is None) == all(count is None for count in disjoint)


@given(token_counts)
def test_input_and_output_add_up_to_the_total(tokens: TokenCounts) -> None:
    assert (tokens.total_input or 0) + (tokens.output or 0) == (tokens.total or 0)
