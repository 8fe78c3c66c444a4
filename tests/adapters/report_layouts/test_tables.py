"""Tables of reports as plain text."""

from datetime import UTC, datetime

from lambdas.adapters.report_layouts.tables import shown_time


def test_a_year_has_four_digits() -> None:
    assert shown_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01 00:00:00"
    assert shown_time(datetime(2026, 9, 8, 12, 10, 33, 5, UTC)) == "2026-09-08 12:10:33"
