"""Calibrated errors as they are stored: read as written, and refused if anything is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.forecasting import (
    InvalidCalibrationError,
    OwnErrors,
    read_calibration,
    read_shipped_ratios,
    write_calibration,
)

OWN = OwnErrors(datetime(2026, 3, 9, 2, 40, tzinfo=UTC), ratios=5000, sources=7, days=23)
CALIBRATED = replace(read_shipped_ratios(), own=OWN)
TEXT = write_calibration(CALIBRATED)


def test_what_is_written_is_read_again() -> None:
    assert read_calibration(TEXT) == CALIBRATED


def test_a_calibration_is_small() -> None:
    document = json.loads(TEXT)
    assert sum(len(row) for rows in document["errors"].values() for row in rows.values()) <= 500
    assert len(TEXT) < 10_000


def test_shipped_errors_are_not_stored() -> None:
    with pytest.raises(ValueError, match="not stored"):
        write_calibration(read_shipped_ratios())


def set_first(value: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["errors"]["new"]["1"].__setitem__(0, value)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda document: document.update(version=2), "another version"),
        (lambda document: document.pop("version"), "KeyError"),
        (lambda document: document.update(calibrated_at="2026-03-09"), "no time zone"),
        (lambda document: document.update(calibrated_at=5), "TypeError"),
        (lambda document: document.update(days=-1), "whole number"),
        (lambda document: document.update(ratios=True), "whole number"),
        (lambda document: document.update(errors=[]), "AttributeError"),
        (lambda document: document["errors"].pop("steady"), "missing"),
        (lambda document: document["errors"]["new"].pop("24"), "missing"),
        (lambda document: document["errors"].update(usual={"1": [1] * 23}), "ValueError"),
        (lambda document: document["errors"]["new"].update({"24": [1] * 22}), "ValueError"),
        (set_first(-1), "a ratio is"),
        (set_first(1.5), "a ratio is"),
        (set_first("0"), "a ratio is"),
        (set_first(10**9 + 1), "a ratio is"),
        (set_first(10**9), "ValueError"),  # quantiles ascend
    ],
)
def test_a_damaged_calibration_is_refused(
    damage: Callable[[dict[str, Any]], None], reason: str
) -> None:
    document = json.loads(TEXT)
    damage(document)
    with pytest.raises(InvalidCalibrationError, match=reason):
        read_calibration(json.dumps(document))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.text(max_size=20) | JSON.map(json.dumps))
def test_any_other_text_is_refused_by_the_same_error(text: str) -> None:
    with pytest.raises(InvalidCalibrationError):
        read_calibration(text)


@given(st.sampled_from(["version", "calibrated_at", "ratios", "errors"]), JSON)
def test_any_other_value_of_a_field_is_refused_or_read_within_bounds(
    field: str, value: object
) -> None:
    document = json.loads(TEXT) | {field: value}
    try:
        errors = read_calibration(json.dumps(document))
    except InvalidCalibrationError:
        return
    assert errors.distributions == CALIBRATED.distributions
