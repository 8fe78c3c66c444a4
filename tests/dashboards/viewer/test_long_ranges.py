"""Graphs of months and of all data show what their titles say."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.sources import source_of_logs
from dashboards.viewer.time_ranges import DayRange
from tests.invocation_logs import as_lines, log

FIRST = datetime(2026, 5, 1, 0, 30, tzinfo=UTC)
HOURS = 100 * 24 + 12
"""The last day is open."""
ANA = "arn:aws:iam::111122223333:user/ana"
PRICED = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> DashboardSession:
    """A call an hour of 100,000 quota tokens: ten percent of an identity's threshold."""
    path = tmp_path_factory.mktemp("logs") / "long.ndjson"
    path.write_bytes(
        as_lines(
            *(
                log(
                    f"call-{number}",
                    timestamp=f"{FIRST + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}",
                    modelId=PRICED,
                    identity={"arn": ANA},
                    input={"inputTokenCount": 100_000},
                    output={"outputTokenCount": 0},
                )
                for number in range(HOURS)
            )
        )
    )
    return DashboardSession.from_source(source_of_logs([path])).memoize()


def draw(session: DashboardSession, dashboard: str, shown: str) -> dict[str, dict[str, Any]]:
    choice = next(iter(session.choices(dashboard)), "")
    widgets = session.view(dashboard, choice, shown)["widgets"]
    assert len({widget["title"] for widget in widgets if widget["title"]}) == len(
        [widget for widget in widgets if widget["title"]]
    )
    return {widget["title"]: widget for widget in widgets}


def present(widget: dict[str, Any], name: str) -> list[float]:
    (values,) = (each["values"] for each in widget["series"] if each["name"] == name)
    return [value for value in values if value is not None]


def test_every_graph_of_a_long_time_is_evaluated(session: DashboardSession) -> None:
    for dashboard, shown in product(session.bodies, ("all", "2026-06")):
        for title, widget in draw(session, dashboard, shown).items():
            assert "cannot be evaluated" not in widget.get("message", ""), title
            if " hour" in title and widget.get("view") == "timeSeries":
                assert widget["step"] == 3_600_000, title


@pytest.mark.parametrize("shown", ["1d", "2026-06", "all"])
def test_a_percentage_of_an_hourly_threshold_is_never_that_of_a_day(
    session: DashboardSession, shown: str
) -> None:
    for dashboard, title, label in (
        ("identity_detail", "Highest hour: % of threshold", "Identity"),
        ("usage_overview", "Identities: highest hour, % of threshold", "Highest identity"),
    ):
        (series,) = draw(session, dashboard, shown)[title]["series"]
        assert (series["name"], series["value"]) == (f"{label}: % of 1,000,000 quota tokens", 10)


def test_amounts_of_a_long_time_are_of_days_and_their_titles_say_so(
    session: DashboardSession,
) -> None:
    graph = draw(session, "identity_detail", "all")["Quota tokens per day"]
    assert present(graph, "Quota tokens") == [*[2_400_000] * 100, 1_200_000]
    assert graph["open"]  # the last day is dashed
    searched = draw(session, "usage_overview", "all")[
        "Quota tokens per day by identity, top 10 (last day so far)"
    ]
    assert present(searched, ANA) == [*[2_400_000] * 100, 1_200_000]


def test_a_month_that_is_over_has_its_last_day(session: DashboardSession) -> None:
    graph = draw(session, "identity_detail", "2026-06")["Quota tokens per day"]
    assert present(graph, "Quota tokens") == [2_400_000] * 30


def test_days_and_months_of_logs_are_named_by_their_dates(session: DashboardSession) -> None:
    for shown, days, month in (
        ("2026-06", ["2026-06-30", "2026-06-29", "2026-06-17"], "June 2026"),
        ("all", ["2026-08-09 so far", "2026-08-08", "2026-07-27"], "August 2026 so far"),
    ):
        overview = draw(session, "usage_overview", shown)
        names = [series["name"] for series in overview["Cost per day, last 14 days"]["series"]]
        assert [names[0], names[1], names[-1]] == days
        assert overview["Cost by month and week, US dollars"]["series"][0]["name"] == month


def test_nothing_of_a_month_that_is_over_is_so_far(session: DashboardSession) -> None:
    for dashboard in session.bodies:
        for title, widget in draw(session, dashboard, "2026-06").items():
            assert "so far" not in title + str(widget.get("series"))


def test_a_month_that_is_over_has_no_run_rate_and_no_open_day(session: DashboardSession) -> None:
    def read(shown: str) -> tuple[dict[str, Any], dict[str, Any]]:
        overview = draw(session, "usage_overview", shown)
        return overview["Cost by month and week, US dollars"], overview[
            "Cost per day, last 14 days"
        ]

    for shown, has_open in (("2026-06", False), ("all", True)):
        months, days = read(shown)
        names = [series["name"] for series in months["series"]]
        assert ("Month at 7-day run rate" in names) is has_open
        first, *others = (series["color"] for series in days["series"])
        assert (first not in others) is has_open


@pytest.mark.parametrize(
    ("last", "name"),
    [
        ("2026-06-20", "June 1 to 20, 2026"),
        ("2026-06-01", "June 1, 2026"),
        ("2026-06-30", "June 2026"),
        ("2026-08-09", "August 2026 so far"),
    ],
)
def test_a_month_that_the_chosen_days_cut_is_named_with_its_days(
    session: DashboardSession, last: str, name: str
) -> None:
    days = DayRange(datetime(2026, 5, 10, tzinfo=UTC), datetime.fromisoformat(f"{last}T00:00Z"))
    chosen = DashboardSession.from_source(session.source, days)
    months = draw(chosen, "usage_overview", "chosen")["Cost by month and week, US dollars"]
    assert months["series"][0]["name"] == name
    cost_of_a_call = 0.025  # 100,000 tokens at $0.25 per million
    calls = 12 + 24 * 8 if "so far" in name else 24 * int(last[-2:])
    assert months["series"][0]["value"] == pytest.approx(cost_of_a_call * calls)


@pytest.mark.parametrize(
    ("minutes_between", "days", "step"),
    [(2, 8, 300), (30, 8, 3600), (300, 8, 86_400), (300, 1, 300)],
)
def test_graphs_of_a_week_or_two_have_longer_periods_where_their_values_are_dots(
    tmp_path: Path, minutes_between: int, days: int, step: int
) -> None:
    count = days * 1440 // minutes_between
    times = [FIRST + timedelta(minutes=minutes_between * number) for number in range(count)]
    calls = [log(f"call-{at}", timestamp=f"{at:%Y-%m-%dT%H:%M:%SZ}") for at in times]
    (tmp_path / "logs.ndjson").write_bytes(as_lines(*calls))
    session = DashboardSession.from_source(source_of_logs([tmp_path / "logs.ndjson"]))
    shown = session.first_range
    graph = draw(session, "usage_overview", shown)["Calls: failed or doubtful"]
    assert graph["step"] == 1000 * step
    (drawn, *_) = graph["series"]
    assert sum(value or 0 for value in drawn["values"]) == count
    lengths = {300: "", 3600: "Viewer only: a point for every hour.", 86_400: "every day."}
    assert lengths[step] in graph.get("note", "")
