"""The dashboards show hand-calculated results of known calls."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.config import Config
from dashboards.cloudwatch import Metric
from dashboards.reports.log_metrics import LogMetrics
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.drawings import Source
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange
from tests.builders import HAIKU_3, usage_record
from tests.dashboards.cloudwatch.figures import InMemoryMetrics

NOW = datetime(2026, 9, 8, 12, tzinfo=UTC)
EMBEDDINGS = ("amazon.titan-embed-text-v2:0", "amazon.nova-2-multimodal-embeddings-v1:0")


def call(number: int, **changes: Any) -> UsageRecord:
    """Make a call of half an hour ago, with changes."""
    return usage_record(
        **{"request_id": str(number), "timestamp": NOW - timedelta(minutes=30)} | changes
    )


def numbers(
    dashboard: str, title: str, calls: list[UsageRecord], choice: str = "", **settings: Any
) -> dict[str, float]:
    """Return the numbers in a widget by their labels."""
    config = Config.from_context(settings)
    metrics = LogMetrics(NOW, config)
    metrics.apply([LedgerChange(record) for record in calls])
    source = Source("logs", metrics, lambda: NOW, config=config)
    return shown(source, dashboard, title, choice)


def shown(source: Source, dashboard: str, title: str, choice: str = "") -> dict[str, float]:
    widgets = DashboardSession.from_source(source).view(dashboard, choice, "1d")["widgets"]
    (widget,) = (candidate for candidate in widgets if candidate["title"] == title)
    return {series["name"]: series["value"] for series in widget["series"]}


def test_the_last_seven_days_are_compared_with_the_seven_before() -> None:
    # Days ago, and output tokens: of this model 800,000 cost a dollar.
    ages = {1: 100, 6: 50, 8: 40, 13: 20, 15: 7000}
    calls = [
        call(days, timestamp=NOW - timedelta(days=days), tokens=TokenCounts(0, output))
        for days, output in ages.items()
    ]
    usd = 1 / 800_000
    shown = numbers("usage_overview", "Cost by month and week, US dollars", calls)
    assert shown["Last 7 days"] == pytest.approx(150 * usd)
    assert shown["7 days before"] == pytest.approx(60 * usd)
    title = "Last 7 days and the 7 days before"
    of_identity = numbers("identity_detail", title, calls, usage_record().identity_arn)
    assert of_identity["Cost, USD: last 7 days"] == pytest.approx(150 * usd)
    assert of_identity["Cost, USD: 7 days before"] == pytest.approx(60 * usd)
    assert of_identity["Total tokens: last 7 days"] == 150
    assert of_identity["Total tokens: 7 days before"] == 60


def test_percentages_are_of_the_thresholds_in_the_settings() -> None:
    """The calls of the hour are 800,000 output tokens, which cost a dollar."""
    settings: dict[str, Any] = {
        "alarm_metric": "TotalTokens",
        "identity_thresholds": {"warning": 40_000, "critical": 80_000},
        "cost_thresholds": [
            {"warning": 5, "critical": 9},
            {"warning": 2, "critical": 9, "window": "day"},
        ],
    }
    calls = [call(1, tokens=TokenCounts(0, 800_000))]
    title = "Account and models: highest hour, % of threshold"
    found = numbers("usage_overview", title, calls, **settings)
    assert found["Account: % of $5"] == pytest.approx(20)
    title = "Identities: highest hour, % of threshold"
    assert numbers("usage_overview", title, calls, **settings) == {
        "Highest identity: % of 40,000 total tokens": 2000
    }
    title = "Percent of threshold, last 24 hours and last 7 days"
    found = numbers("usage_overview", title, calls, **settings)
    assert found == {"Account: % of $2 per day": pytest.approx(50)}


def test_days_are_bars_and_today_is_named_as_open() -> None:
    calls = [
        call(days, timestamp=NOW - timedelta(days=days), tokens=TokenCounts(0, 800_000 * days))
        for days in (1, 2, 13, 14)
    ]
    calls.append(call(99, timestamp=NOW, tokens=TokenCounts(0, 400_000)))
    bars = numbers("usage_overview", "Cost per day, last 14 days", calls)
    assert {name: value for name, value in bars.items() if value} == pytest.approx(
        {"Today so far": 0.5, "Yesterday": 1, "2 days ago": 2, "13 days ago": 13}
    )
    assert len(bars) == 14


def test_hours_with_calls_and_no_failure_have_zero_failed_calls() -> None:
    """Hours ago, and the error: the hour without calls stays empty."""
    errors = {1: None, 2: "ThrottlingException", 4: None}
    calls = [
        call(hours, timestamp=NOW - timedelta(hours=hours), error_code=error)
        for hours, error in errors.items()
    ]
    metrics = LogMetrics(NOW, Config())
    metrics.apply([LedgerChange(record) for record in calls])
    session = DashboardSession.from_source(Source("logs", metrics, lambda: NOW))
    widgets = session.view("usage_overview", "", "1d")["widgets"]
    (graph,) = (each for each in widgets if each["title"] == "Calls: failed or doubtful")
    (failed,) = (each for each in graph["series"] if each["name"] == "Failed calls")
    assert [value for value in failed["values"] if value is not None] == [0, 1, 0]


def test_the_rates_of_a_model_match_its_tokens() -> None:
    calls = [
        call(1, tokens=TokenCounts(input=60, output=30, cache_read=30, cache_write=10)),
        call(2, tokens=TokenCounts(input=20, output=10)),
        call(3, error_code="ThrottlingException"),
        call(4, model_id="other", tokens=TokenCounts(input=10**6, output=10**6)),
    ]
    assert numbers("model_comparison", "Model: rates in the selected time", calls, HAIKU_3) == {
        "Output tokens per input token": pytest.approx(40 / 120),
        "Cache hit rate, %": pytest.approx(100 * 30 / 120),
        "Tokens per call": 80,
        "Failed calls, %": pytest.approx(100 / 3),
        # Only the second model has a price: 20 x 0.25 + 10 x 1.25 in millionths of a dollar.
        "USD per 1,000 priced calls": pytest.approx(1000 * 17.5e-6),
    }


def test_a_model_without_cached_tokens_has_no_hit_rate() -> None:
    """A cache that was written and never read has a rate of 0."""
    title = "Model: rates in the selected time"
    for cache_write, rate in ((0, None), (5, 0)):
        calls = [call(1, tokens=TokenCounts(20, 10, cache_write=cache_write))]
        assert numbers("model_comparison", title, calls, HAIKU_3)["Cache hit rate, %"] == rate


def test_embedding_models_and_text_models_are_separate() -> None:
    calls = [call(number, model_id=model) for number, model in enumerate((HAIKU_3, *EMBEDDINGS))]
    assert {*numbers("model_comparison", "Calls by model", calls)} == {HAIKU_3}
    assert {*numbers("model_comparison", "Cost per call", calls)} == {HAIKU_3}
    assert {*numbers("model_comparison", "Embedding: calls", calls)} == {*EMBEDDINGS}
    assert {*numbers("model_comparison", "Embedding: cost per call", calls)} <= {*EMBEDDINGS}


def test_the_largest_are_shown_first_and_the_rest_is_one_bar() -> None:
    calls = [
        call(number, identity_arn=f"user-{number}", tokens=TokenCounts(number, 0))
        for number in range(1, 13)
    ]
    ranked = numbers("usage_overview", "Quota tokens by identity, last 28 days", calls)
    assert list(ranked.values()) == [*range(12, 3, -1), 1 + 2 + 3]
    assert list(ranked)[-1] == "All others"


def test_sixteen_equal_models_have_a_sixteenth_each() -> None:
    calls = [
        call(number, model_id=f"model-{number}", tokens=TokenCounts(100, 0)) for number in range(16)
    ]
    parts = numbers("usage_overview", "Quota tokens by model, last 28 days", calls)
    whole = sum(parts.values())
    others = parts.pop("All others")
    assert {value / whole for value in parts.values()} == {0.0625}
    assert others / whole == (16 - len(parts)) * 0.0625


def test_an_unread_cache_has_a_hit_rate_of_zero() -> None:
    calls = [call(1, tokens=TokenCounts(1, 1, cache_write=10))]
    title = "Cache: tokens read per token written"
    assert numbers("cost", title, calls) == {"Reads per write": 0}


def test_coverage_is_the_metered_share_of_bedrock_s_count() -> None:
    """It is 0, not unknown, if nothing was metered."""
    bedrock, metered = (
        Metric(namespace, "Invocations") for namespace in ("AWS/Bedrock", "BedrockMeter")
    )
    label = "Coverage, % of Bedrock's calls"
    for figures, percent in (({bedrock: [200], metered: [199]}, 99.5), ({bedrock: [200]}, 0)):
        source = Source("an account", InMemoryMetrics(figures), lambda: NOW)
        assert shown(source, "pipeline_health", "Totals for the selected time")[label] == percent
        title = "Which calls are missing or unprocessed?"
        drawn = shown(source, "pipeline_health", title)["Calls at Bedrock while none was metered"]
        assert drawn == (None if metered in figures else 200)


def test_the_unattributed_share_is_a_share_of_all_tokens() -> None:
    unattributed, total = (
        Metric("BedrockMeter", name) for name in ("UnattributedTokens", "TotalTokens")
    )
    label = "Tokens without a project, %"
    for figures, percent in (
        ({unattributed: [30], total: [120]}, 25),
        ({total: [120]}, 0),
        ({}, None),
    ):
        source = Source("an account", InMemoryMetrics(figures), lambda: NOW)
        assert shown(source, "usage_overview", "Totals for the selected time")[label] == percent


def test_a_healthy_pipeline_has_no_zeros_for_what_did_not_happen() -> None:
    """A widget that would be a flat line at 0 is empty: the viewer writes none there."""
    usage = [Metric(space, "Invocations") for space in ("AWS/Bedrock", "BedrockMeter")]
    usage.append(Metric("BedrockMeter", "QuotaTokens"))
    source = Source("an account", InMemoryMetrics({metric: [9] for metric in usage}), lambda: NOW)
    for title in (
        "Which calls are missing or unprocessed?",
        "Which records or values are doubtful?",
        "What needs your decision?",
        "Which calls are not in the logs?",
        "Which functions fail or are throttled?",
    ):
        assert set(shown(source, "pipeline_health", title).values()) <= {None}, title


@pytest.mark.parametrize(
    ("figures", "drawn"),
    [
        ({"UnpricedInvocations": [5], "MissingTokenCounts": [2]}, {"Calls without a price": 3}),
        ({"UnpricedInvocations": [2], "MissingTokenCounts": [2]}, {}),
        ({}, {}),
    ],
)
def test_calls_without_a_price_are_those_that_have_counts(
    figures: dict[str, list[float | None]], drawn: dict[str, float]
) -> None:
    metrics = {Metric("BedrockMeter", name): values for name, values in figures.items()}
    source = Source("an account", InMemoryMetrics(metrics), lambda: NOW)
    numbers = shown(source, "pipeline_health", "What needs your decision?")
    assert {name: value for name, value in numbers.items() if value} == drawn


def test_metrics_below_zero_are_drawn() -> None:
    figures = InMemoryMetrics({Metric("BedrockMeter", "TotalTokens"): [-7]})
    source = Source("an account", figures, lambda: NOW)
    numbers = shown(source, "pipeline_health", "Which records or values are doubtful?")
    assert numbers["Account metrics below zero"] == 1
