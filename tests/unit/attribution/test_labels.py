"""Labels are text that every metric and report can show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution.labels import (
    MAX_LABEL_LENGTH,
    NO_LABELS,
    UNATTRIBUTED,
    Labels,
    read_label,
)
from lambdas.domain.metrics.catalog import MAX_DIMENSION_VALUE_LENGTH, dimension_value
from tests.unit.invocations.records import any_text

labels = st.builds(Labels, *[st.none() | st.sampled_from(["a", "b"])] * 3)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("search", "search"),
        (" search\t", "search"),
        ("R\u00fcckfragen \u2013 Z\u00fcrich", "R\u00fcckfragen \u2013 Z\u00fcrich"),
        ("a\nb\x00c\u202ed", "a?b?c?d"),
        ("half \ud800", "half ?"),
        ("x" * 10_000, "x" * MAX_LABEL_LENGTH),
        ("x" * (MAX_LABEL_LENGTH - 1) + " y", "x" * (MAX_LABEL_LENGTH - 1)),
        (":search", ":search"),
        ("_search", "_search"),
        ("\uff53\uff45\uff41\uff52\uff43\uff48", "search"),
        ("pay\u3164ments", "pay?ments"),
        ("pay\u2800ments", "pay?ments"),
        ("payments\ufe0f", "payments?"),
        ("\u0440\u0430yments", "??yments"),
        ("\u03bfrders", "?rders"),
        ("en\u0261ine", "en?ine"),
        ("\u13aapple", "?pple"),
        ("\u0441\u043e\u0440\u0443", "\u0441\u043e\u0440\u0443 (not Latin)"),
        ("\u0422\u0415\u0421\u0422 7", "\u0422\u0415\u0421\u0422 7 (not Latin)"),
        ("\u0441\u043e\u0440\u0443 A", "\u0441\u043e\u0440\u0443 A (not Latin)"),
        ("\u039c\u0391\u03a4\u0397", "\u039c\u0391\u03a4\u0397 (not Latin)"),
        ("\ua4d0\ua4d1", "\ua4d0\ua4d1 (not Latin)"),
        ("\u0442\u0435\u0441\u0442", "\u0442\u0435\u0441\u0442"),
        ("\u0441" * 400, "\u0441" * (MAX_LABEL_LENGTH - 12) + " (not Latin)"),
        (
            "\u043f\u043b\u0430\u0442\u0435\u0436\u0438 A",
            "\u043f\u043b\u0430\u0442\u0435\u0436\u0438 A",
        ),
    ],
)
def test_a_label_is_printable_and_has_a_limited_length(text: str, label: str) -> None:
    assert read_label(text) == label


@pytest.mark.parametrize(
    "text",
    ["", "  ", "\n", UNATTRIBUTED, " Unattributed ", "__other__", "__proto__", "\u3164", "\u2800 "],
)
def test_blank_and_reserved_names_are_not_labels(text: str) -> None:
    assert read_label(text) is None


def test_lookalike_labels_are_shown_differently() -> None:
    lookalikes = [
        "copy",
        "\u0441opy",
        "\u0441\u043e\u0440\u0443",
        "c\u03bfpy",
        "co\u0440y",
        "\uff43opy",
    ]
    shown = [read_label(lookalike) for lookalike in lookalikes]
    assert shown == ["copy", "?opy", "\u0441\u043e\u0440\u0443 (not Latin)", "c?py", "co?y", "copy"]


@given(any_text | st.text("x _\n\ud800\u0441\u0442", min_size=200, max_size=600))
def test_a_label_is_stable_and_fits_into_a_dimension(text: str) -> None:
    label = read_label(text)
    if label is None:
        return
    assert read_label(label) == label
    assert label.isprintable()
    assert len(label) <= MAX_LABEL_LENGTH
    label.encode()
    dimension = dimension_value(label)
    assert 0 < len(dimension) <= MAX_DIMENSION_VALUE_LENGTH
    assert dimension.casefold() != UNATTRIBUTED
    assert not dimension.startswith("__")


@given(labels, labels)
def test_labels_missing_from_one_source_are_taken_from_the_next(one: Labels, other: Labels) -> None:
    filled = one.filled_from(other)
    assert filled == tuple(
        theirs if mine is None else mine for mine, theirs in zip(one, other, strict=True)
    )
    assert filled.is_complete == (None not in filled)
    assert NO_LABELS.filled_from(one) == one.filled_from(NO_LABELS) == one
