"""Times are written in UTC, and read back with their offset."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lambdas.domain.times import read_time, write_seconds, write_time

MOMENT = datetime(2026, 1, 31, 13, 30, 1, 500_000, timezone(timedelta(hours=1)))


def test_a_time_is_read_as_it_was_written() -> None:
    assert write_time(MOMENT) == "2026-01-31T12:30:01.500000+00:00"
    assert read_time(write_time(MOMENT)) == MOMENT
    assert read_time("2026-01-31T12:30:00Z") == datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00", "2026-01-31", "noon"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read_time(text)


def test_parts_of_a_second_are_left_out_where_seconds_are_written() -> None:
    assert write_seconds(MOMENT) == "2026-01-31T12:30:01Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_utc_does_not_have_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="UTC does not have"):
        read_time(text)
