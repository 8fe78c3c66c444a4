"""Numbers of things and lists of names read well, and long lists stay short."""

from lambdas.domain.words import list_names, plural


def test_one_thing_is_named_in_the_singular() -> None:
    assert [plural(count, "line") for count in (0, 1, 2000)] == ["0 lines", "1 line", "2,000 lines"]


def test_the_rest_of_a_long_list_is_counted_and_another_rest_reads_differently() -> None:
    names = [f"n{number}" for number in range(7)]
    listed = list_names(reversed(names))
    assert listed.startswith("n0, n1, n2, n3, n4 and 2 more (")
    assert listed != list_names([*names[:6], "n9"])
    assert list_names(names[:5]) == "n0, n1, n2, n3, n4"
