"""`make meter BY="month ..."` answers why a month cost more or less than the month before."""

import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dashboards.reports.commands import meter_files
from dashboards.reports.local_meter import LocalMeter, open_local_meter
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.month_differences import MonthComparison, compare_months
from dashboards.reports.usage_json import summary_json
from dashboards.reports.usage_report import Grouping, print_report
from lambdas.domain.usage import GroupField
from tests.invocation_logs import as_lines, log, write

DECEMBER = datetime(2026, 12, 1, 12, tzinfo=UTC)
BY_IDENTITY = (GroupField.MONTH, GroupField.IDENTITY)
UNKNOWN_MODEL = "a.b"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def make_calls(name: str, day: str, count: int, **changes: Any) -> Iterator[dict[str, Any]]:
    """Calls of a user on a day, each for a cent: 40,000 input tokens."""
    for number in range(count):
        yield log(
            f"{name}-{day}-{number}",
            timestamp=f"{day}T10:00:00Z",
            identity={"arn": f"arn:aws:iam::111122223333:user/{name}"},
            **{"input": {"inputTokenCount": 40_000}, "output": {"outputTokenCount": 0}} | changes,
        )


@contextmanager
def meter(folder: Path, *calls: Iterable[dict[str, Any]]) -> Iterator[LocalMeter]:
    with open_local_meter() as local:
        logs = [record for group in calls for record in group]
        meter_files(local, find_log_files([write(folder / "logs.json", as_lines(*logs))]))
        yield local


def compare(local: LocalMeter, now: datetime = DECEMBER) -> list[MonthComparison]:
    coverage = local.coverage()
    assert coverage is not None
    return list(compare_months(local.summary, coverage, BY_IDENTITY, now))


def show(local: LocalMeter, by: tuple[GroupField, ...] = BY_IDENTITY, top: int = 25) -> str:
    with io.StringIO() as text:
        print_report(local, Console(file=text, width=200), Grouping(by, top), now=DECEMBER)
        return text.getvalue()


def read_rows(printed: str) -> list[list[str]]:
    """The rows of the table of differences, its headings first."""
    table = printed.partition("Difference between ")[2].partition("\n\n")[0]
    return [re.split(r"  +", line.strip()) for line in table.splitlines()[1:] if line[0] != " "]


def read_days(comparison: MonthComparison) -> tuple[str, ...]:
    return tuple(f"{day:%m-%d}" for days in (comparison.before, comparison.after) for day in days)


def test_the_largest_difference_comes_first_whether_more_or_less(folder: Path) -> None:
    with meter(
        folder,
        make_calls("ana", "2026-10-05", 100),
        make_calls("ana", "2026-11-05", 102),
        make_calls("ben", "2026-10-05", 40),
        make_calls("ben", "2026-11-05", 10),
        make_calls("chloe", "2026-10-01", 1),
        make_calls("chloe", "2026-11-30", 6),
    ) as local:
        rows = read_rows(show(local))
    assert rows == [
        ["Identity", "2026-10", "2026-11", "Difference", "Calls", "Total tokens"],
        ["111122223333 user/ben", "$0.40", "$0.10", "-$0.30", "-30", "-1,200,000"],
        ["111122223333 user/chloe", "$0.01", "$0.06", "+$0.05", "+5", "+200,000"],
        ["111122223333 user/ana", "$1.00", "$1.02", "+$0.02", "+2", "+80,000"],
        ["All", "$1.41", "$1.18", "-$0.23", "-23", "-920,000"],
    ]


def test_rows_past_the_first_are_one_and_a_single_one_is_named(folder: Path) -> None:
    counts = {"ana": 4, "ben": 3, "chloe": 2}
    with meter(
        folder,
        make_calls("dora", "2026-10-01", 1),
        make_calls("dora", "2026-11-30", 11),
        *(make_calls(name, "2026-11-05", count) for name, count in counts.items()),
    ) as local:
        three, two = (read_rows(show(local, top=top)) for top in (3, 2))
    assert [row[0] for row in three[1:]] == [
        *(f"111122223333 user/{name}" for name in ("dora", "ana", "ben", "chloe")),
        "All",
    ]
    assert two[-2][:4] == ["2 more", "-", "$0.0500", "+$0.0500"]


def test_an_open_month_is_compared_up_to_yesterday(folder: Path) -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    with meter(
        folder,
        make_calls("ana", "2026-10-01", 1),
        make_calls("ana", "2026-10-27", 2),
        make_calls("ana", "2026-10-28", 50),
        make_calls("ana", "2026-11-27", 5),
        make_calls("ana", "2026-11-28", 70),
    ) as local:
        (comparison,) = compare(local, now)
    assert read_days(comparison) == ("10-01", "10-27", "11-01", "11-27")
    (difference,) = comparison.differences
    assert difference.usd == Decimal("0.02")


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-10-01", "2026-11-30", ("10-01", "10-31", "11-01", "11-30")),
        ("2026-10-10", "2026-11-30", ("10-10", "10-31", "11-10", "11-30")),
        ("2026-10-10", "2026-11-20", ("10-10", "10-20", "11-10", "11-20")),
        ("2026-02-01", "2026-03-30", ("02-01", "02-28", "03-01", "03-30")),
    ],
)
def test_only_days_that_the_logs_have_of_both_months_are_compared(
    folder: Path, first: str, last: str, days: tuple[str, ...]
) -> None:
    with meter(folder, make_calls("ana", first, 1), make_calls("ana", last, 1)) as local:
        (comparison,) = compare(local)
        printed = show(local)
    assert read_days(comparison) == days
    assert re.search(r"^Difference between 2026-\d\d.* and 2026-\d\d", printed, re.MULTILINE)
    is_whole = comparison.before.is_whole_month and comparison.after.is_whole_month
    assert is_whole is ("(" not in printed.partition("Difference between ")[2].splitlines()[0])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-09-30", "2026-11-30"),  # a month without calls lies between
        ("2026-10-20", "2026-11-10"),  # no day of both
        ("2026-11-30", "2026-12-01"),  # the only day of the month has not ended
        ("2026-11-01", "2026-11-30"),  # one month
    ],
)
def test_months_without_common_days_are_not_compared_and_that_is_said(
    folder: Path, first: str, last: str
) -> None:
    with meter(folder, make_calls("ana", first, 1), make_calls("ana", last, 1)) as local:
        assert compare(local) == []
        assert "No month is compared with the month before" in show(local)


def test_unknown_costs_are_no_difference_and_stay_visible(folder: Path) -> None:
    with meter(
        folder,
        make_calls("ana", "2026-10-01", 1),
        make_calls("ana", "2026-11-30", 2, modelId=UNKNOWN_MODEL),
        make_calls("ben", "2026-10-05", 1),
        make_calls("ben", "2026-11-05", 3),
    ) as local:
        printed = show(local)
    rows = [[row[0], *row[3:4], *row[6:]] for row in read_rows(printed)]
    assert rows == [
        ["Identity", "Difference", "Unpriced 2026-10", "Unpriced 2026-11"],
        ["111122223333 user/ben", "+$0.0200", "0", "0"],
        ["111122223333 user/ana", "unpriced", "0", "2"],
        ["All", "+$0.0100", "0", "2"],
    ]
    assert "2 calls without a known cost are in no cost and no difference." in printed


def test_a_difference_with_an_assumed_price_is_marked(folder: Path) -> None:
    with meter(
        folder,
        make_calls("ana", "2026-10-01", 1),
        make_calls("ana", "2026-11-30", 2, region="sa-east-9"),
    ) as local:
        printed = show(local)
    (row,) = (row for row in read_rows(printed) if row[0].endswith("ana"))
    assert row[1][0] == "$"
    assert row[2].startswith("~$")
    assert row[3].startswith("~+$")
    assert "~         includes an assumed price" in printed or "~  includes" in printed


def test_the_json_has_every_difference_and_no_calls_are_null(folder: Path) -> None:
    with meter(
        folder,
        make_calls("ana", "2026-10-01", 1),
        make_calls("ben", "2026-11-30", 2),
        make_calls("chloe", "2026-11-30", 1, modelId=UNKNOWN_MODEL),
    ) as local:
        text = "".join(summary_json(local, BY_IDENTITY, now=DECEMBER))
    (comparison,) = json.loads(text)["differences"]
    assert comparison["before"] == {
        "month": "2026-10",
        "first_day": "2026-10-01",
        "last_day": "2026-10-31",
    }
    assert comparison["after"]["last_day"] == "2026-11-30"
    ben, ana, chloe = comparison["rows"]
    assert ben == {
        "identity_arn": "arn:aws:iam::111122223333:user/ben",
        "difference_usd": "0.02",
        "before": None,
        "after": {
            "invocations": 2,
            "total_tokens": 80_000,
            "cost_usd": "0.02",
            "unpriced_invocations": 0,
            "assumed_price_invocations": 0,
        },
    }
    assert (ana["difference_usd"], ana["after"]) == ("-0.01", None)
    assert (chloe["difference_usd"], chloe["after"]["cost_usd"]) == (None, None)
    assert chloe["after"]["unpriced_invocations"] == 1


def test_without_months_there_are_no_differences(folder: Path) -> None:
    by = (GroupField.IDENTITY,)
    with meter(
        folder, make_calls("ana", "2026-10-01", 1), make_calls("ana", "2026-11-30", 1)
    ) as local:
        assert "Difference" not in show(local, by)
        assert "differences" not in json.loads("".join(summary_json(local, by, now=DECEMBER)))


def test_months_alone_are_compared_in_one_row(folder: Path) -> None:
    by = (GroupField.MONTH,)
    with meter(
        folder, make_calls("ana", "2026-10-01", 1), make_calls("ana", "2026-11-30", 3)
    ) as local:
        rows = read_rows(show(local, by))
    assert rows == [
        ["Month", "2026-10", "2026-11", "Difference", "Calls", "Total tokens"],
        ["All", "$0.0100", "$0.0300", "+$0.0200", "+2", "+80,000"],
    ]
