"""Graphs in a browser do not suggest what the data does not say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.pages import write_page
from dashboards.viewer.sources import source_of_logs
from tests.invocation_logs import as_lines, log

LAST = datetime(2026, 9, 8, 11, 20, tzinfo=UTC)
"""The time of the last call: the hour and the day after it are open."""
MODELS = tuple(f"amazon.equal-{number}-v1:0" for number in range(16))
PRICED = "anthropic.claude-3-haiku-20240307-v1:0"
"""800,000 of its output tokens cost a dollar."""

Opener = Callable[..., None]


def call(number: int, at: datetime, model: str, **changes: Any) -> dict[str, Any]:
    return log(
        f"request-{number}",
        timestamp=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        modelId=model,
        **{"input": {"inputTokenCount": 100}, "output": {"outputTokenCount": 0}} | changes,
    )


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Opener:
    """Open the overview over logs."""

    def open_overview(*logs: dict[str, Any], dashboard: str = "usage_overview") -> None:
        (tmp_path / "logs.ndjson").write_bytes(as_lines(*logs))
        session = DashboardSession.from_source(source_of_logs([tmp_path / "logs.ndjson"]))
        write_page(session, tmp_path / "page.html")
        page.goto("about:blank")  # else the same address is not read again
        page.goto(f"{(tmp_path / 'page.html').as_uri()}#{dashboard}")
        page.wait_for_selector("main[aria-busy=false] .widget")

    return open_overview


def read_series(page: Page, title: str) -> list[dict[str, Any]]:
    """Read the series that a widget passes to the charting library."""
    series: list[dict[str, Any]] = page.eval_on_selector(
        f'section[aria-label="{title}"] .chart',
        """(place) => echarts.getInstanceByDom(place).getOption().series.map((item) => ({
            data: item.data, lines: item.markLine?.data ?? [], name: item.name, color: item.color,
        }))""",
    )
    return series


def read_heights(page: Page, title: str) -> tuple[float, float]:
    """Read the height of the highest point of a line and of the axis, in pixels."""
    top, bottom, highest = page.eval_on_selector(
        f'section[aria-label="{title}"] .chart',
        """(place) => {
          const chart = echarts.getInstanceByDom(place);
          const values = chart.getOption().series[0].data.map(([, value]) => value ?? 0);
          const at = (value) => chart.convertToPixel({ yAxisIndex: 0 }, value);
          const axis = chart.getModel().getComponent("yAxis", 0).axis.scale.getExtent();
          return [at(axis[1]), at(axis[0]), at(Math.max(...values))];
        }""",
    )
    return bottom - highest, bottom - top


def test_a_steady_load_looks_steady_in_the_open_hour(page: Page, show: Opener) -> None:
    """A call every ten minutes: the open hour has three of six."""
    times = [LAST - timedelta(minutes=10 * number) for number in range(6 * 30 + 3)]
    show(*(call(number, at, PRICED) for number, at in enumerate(times)))
    line, open_part = read_series(page, "Account: quota tokens per hour")
    amounts = {value for _, value in line["data"] if value is not None}
    assert amounts == {600}
    assert [value for _, value in open_part["data"]] == [600, 300]


def test_a_steady_load_has_equal_days_and_an_open_day_that_is_named(
    page: Page, show: Opener
) -> None:
    times = [LAST - timedelta(hours=number) for number in range(24 * 20)]
    show(
        *(call(number, at, PRICED) for number, at in enumerate(times)), dashboard="identity_detail"
    )
    (bars,) = read_series(page, "Quota tokens per day, last 14 days")
    today, *others = ((bar["name"], bar["value"]) for bar in bars["data"])
    assert {value for _, value in others} == {2400}
    assert today == (f"{LAST:%Y-%m-%d} so far", 1200)


def test_sixteen_equal_models_have_a_sixteenth_of_the_total_each(page: Page, show: Opener) -> None:
    show(*(call(number, LAST, model) for number, model in enumerate(MODELS)))
    (pie,) = read_series(page, "Quota tokens by model, last 28 days")
    *parts, others = pie["data"]
    whole = sum(part["value"] for part in pie["data"])
    assert whole == 1600
    assert {100 * part["value"] / whole for part in parts} == {6.25}
    assert others["name"] == "All others"
    assert others["value"] == (16 - len(parts)) * 100


def test_a_threshold_ten_times_the_data_leaves_the_curve_readable(page: Page, show: Opener) -> None:
    """The account uses 100,000 quota tokens an hour; alarms notify at 1,000,000 and more."""
    times = [LAST - timedelta(hours=number) for number in range(20)]
    show(
        *(
            call(number, at, PRICED, input={"inputTokenCount": 100_000 - 4000 * number})
            for number, at in enumerate(times)
        )
    )
    title = "Account: quota tokens per hour"
    curve, axis = read_heights(page, title)
    assert curve > axis / 2
    assert all(not series["lines"] for series in read_series(page, title))
    (percent,) = page.locator(
        'section[aria-label="Identities: highest hour, % of threshold"] strong'
    ).all_inner_texts()
    assert percent == "10%"


def test_single_events_are_bars_and_not_lines(page: Page, show: Opener) -> None:
    failed = call(1, LAST, PRICED, errorCode="ThrottlingException")
    show(call(0, LAST - timedelta(hours=3), PRICED), failed)
    (bars,) = read_series(page, "Failed calls by model (__other__: overflow)")
    assert [bar["value"] for bar in bars["data"]] == [1]
    show(call(0, LAST, PRICED))
    message = page.locator(
        'section[aria-label="Failed calls by model (__other__: overflow)"] .message'
    )
    assert message.inner_text() == "none"  # nothing happened: no figure of 0


def test_what_log_files_cannot_have_is_hidden_and_not_none(page: Page, show: Opener) -> None:
    """They have no batch jobs, and no latency without content."""
    show(call(0, LAST, PRICED))
    title = "Tokens outside the logs: bedrock-mantle and batch jobs, by model"
    assert page.locator(f'section[aria-label="{title}"]').count() == 0
    assert title in page.locator("#source").inner_text()
    show(call(0, LAST, PRICED), dashboard="model_comparison")
    assert page.locator('section[aria-label*="latency"]').count() == 0


def test_every_name_of_a_legend_is_visible(page: Page, show: Opener) -> None:
    show(*(call(number, LAST - timedelta(hours=1), model) for number, model in enumerate(MODELS)))
    cut = page.locator(".legend").evaluate_all(
        "(all) => all.map((legend) => legend.scrollHeight - legend.clientHeight)"
    )
    assert len(cut) >= 3
    assert max(cut) <= 0


def test_two_hours_side_by_side_are_dots_and_not_a_stroke(page: Page, show: Opener) -> None:
    times = [LAST - timedelta(hours=hours) for hours in (0, 2, 3, 8, 9, 10)]
    show(*(call(number, at, PRICED) for number, at in enumerate(times)))
    line, _ = read_series(page, "Account: quota tokens per hour")
    values = [value for _, value in line["data"]]
    joined = sum(None not in pair for pair in pairwise(values))
    assert (joined, len(list(filter(None, values)))) == (2, 5)


def test_means_have_no_share_of_their_sum(page: Page, show: Opener) -> None:
    show(call(0, LAST, PRICED), call(1, LAST, MODELS[0]), dashboard="model_comparison")
    for title in ("Output tokens per call", "Cost per call", "Calls by model"):
        page.locator(f'section[aria-label="{title}"] h2 button[aria-pressed]').click()
        head = page.locator(f'section[aria-label="{title}"] thead').inner_text()
        assert "Share" not in head


def test_a_bar_of_what_did_not_happen_is_not_drawn(page: Page, show: Opener) -> None:
    show(call(0, LAST, PRICED))
    (pie,) = read_series(page, "Cost by model, last 28 days")
    assert [part["name"] for part in pie["data"]] == ["claude-3-haiku"]  # and no others
    (days,) = read_series(page, "Cost per day, last 14 days")
    assert [day["name"] for day in days["data"] if day["value"] is not None] == [
        f"{LAST:%Y-%m-%d} so far"
    ]


def test_a_series_has_one_color_on_every_reading(page: Page, show: Opener) -> None:
    colors = []
    for output in (10, 900_000):
        earlier = call(1, LAST - timedelta(hours=1), PRICED, output={"outputTokenCount": output})
        show(call(0, LAST, PRICED), earlier, dashboard="cost")
        lines = read_series(page, "Tokens by kind, stacked")
        colors.append({line["name"]: line["color"] for line in lines})
    assert colors[0] == colors[1]
    assert (colors[0]["Input"], colors[0]["Output"]) == ("#0072b2", "#a2487f")  # of the JSON
