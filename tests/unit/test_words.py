"""Numbers, counts and lists of names are readable, and long lists are truncated."""

from decimal import Decimal

import pytest

from lambdas.domain.words import exact_text, fingerprint, list_names, plural, show


def test_a_count_of_one_uses_the_singular() -> None:
    assert [plural(count, "line") for count in (0, 1, 2000)] == ["0 lines", "1 line", "2,000 lines"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1E+3", "1000"),
        ("1E-26", "0.00000000000000000000000001"),
        ("0E-6", "0"),
        ("-0.00", "0"),
        ("3.00", "3"),
        ("-120.50", "-120.5"),
        ("12345678901234.5", "12345678901234.5"),
        (f"1.{'3' * 60}0", f"1.{'3' * 60}"),
    ],
)
def test_numbers_are_written_digit_by_digit(number: str, text: str) -> None:
    assert exact_text(Decimal(number)) == text


def test_a_truncated_list_counts_its_rest_and_shows_a_digest() -> None:
    names = [f"n{number}" for number in range(7)]
    listed = list_names(reversed(names))
    assert listed.startswith("n0, n1, n2, n3, n4 and 2 more (")
    assert listed != list_names([*names[:6], "n9"])
    assert list_names(names[:5]) == "n0, n1, n2, n3, n4"


def test_values_that_differ_after_the_truncation_look_different() -> None:
    values = ["a" * 300 + end for end in "xy"]
    first, second = map(show, values)
    assert first != second
    assert first.startswith(f"'{'a' * 199}... (")
    assert (show(None), show("a\n")) == ("not set", r"'a\n'")


def test_equivalent_policies_have_the_same_fingerprint() -> None:
    assert fingerprint({"Action": "a"}) == fingerprint({"Action": ["a"]})
    assert fingerprint(["a", "b"]) == fingerprint(["b", "a"]) != fingerprint(["a", "c"])
