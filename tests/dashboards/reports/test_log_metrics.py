"""Log files become the metrics that a deployment would publish."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.config import Config
from dashboards.cloudwatch import Metric, Periods, Statistic
from dashboards.reports import log_metrics
from dashboards.reports.log_metrics import LogMetrics
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.catalog import ESTIMATED_COST
from tests.builders import usage_record

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
TWO_HOURS = Periods(NOON + timedelta(hours=2), 3600, 2)
INPUT = Metric("BedrockMeter", "InputTokens")
NOVA = "amazon.nova-lite-v1:0"
ANA = "arn:aws:iam::111122223333:user/ana"
OF_ANA = Metric("BedrockMeter", "InputTokens", (("IdentityArn", ANA),))


def call(minutes: int, tokens: int) -> UsageRecord:
    return usage_record(
        timestamp=NOON + timedelta(minutes=minutes), identity_arn=ANA, tokens=TokenCounts(tokens, 0)
    )


def collect_metrics(*calls: UsageRecord, **settings: Any) -> LogMetrics:
    metrics = LogMetrics(NOON + timedelta(days=1), Config.from_context(settings))
    for record in calls:  # one by one, as a ledger may pass them on
        metrics.apply([LedgerChange(record)])
    return metrics


def get_values(metrics: LogMetrics, name: str, dimension: str) -> set[str]:
    """Return the values of a dimension that stands alone."""
    return {
        dict(metric.dimensions)[dimension]
        for metric in metrics.metrics("BedrockMeter", name)
        if metric.dimension_names == {dimension}
    }


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        (Statistic.SUM, (60, 9)),
        (Statistic.SAMPLE_COUNT, (3, 1)),
        (Statistic.AVERAGE, (20, 9)),
        (Statistic.MINIMUM, (10, 9)),
        (Statistic.MAXIMUM, (30, 9)),
        (Statistic.P50, (20, 9)),
        (Statistic.P99, (30, 9)),
    ],
)
def test_a_period_has_the_statistics_of_its_calls(
    statistic: Statistic, values: tuple[float, ...]
) -> None:
    source = collect_metrics(call(-1, 7), call(0, 10), call(0, 30), call(59, 20), call(60, 9))
    assert source.values([INPUT], statistic, TWO_HOURS) == {INPUT: values}


def test_identities_have_no_percentiles_like_the_deployed_meter() -> None:
    source = collect_metrics(call(0, 10))
    assert source.values([OF_ANA], Statistic.P50, TWO_HOURS) == {OF_ANA: (None, None)}
    assert source.values([OF_ANA], Statistic.SUM, TWO_HOURS) == {OF_ANA: (10, None)}


def test_a_correction_changes_no_metric_unlike_in_the_deployed_meter() -> None:
    source = collect_metrics(call(0, 10))
    source.apply([LedgerChange(call(0, 99), replaced=call(0, 10))])
    assert source.values([INPUT], Statistic.SUM, TWO_HOURS) == {INPUT: (10, None)}


def test_metrics_are_found_by_name() -> None:
    source = collect_metrics(call(0, 10))
    assert {INPUT, OF_ANA} <= {*source.metrics("BedrockMeter", "InputTokens")}
    assert source.metrics("AWS/Bedrock", "InputTokens") == []


def test_time_ends_with_the_last_call() -> None:
    assert collect_metrics(call(5, 1), call(3, 1)).end == NOON + timedelta(minutes=6)
    assert LogMetrics(NOON, Config()).end is None


def test_machine_sessions_roll_up_to_their_role_like_in_the_deployed_meter() -> None:
    role = "arn:aws:sts::111122223333:assumed-role/agent"
    calls = [
        usage_record(
            request_id=str(number),
            identity_arn=f"{role}/botocore-session-{1_757_334_600 + number}",
            timestamp=NOON,
        )
        for number in range(30)
    ]
    people = [
        usage_record(request_id=name, identity_arn=f"{role}/{name}", timestamp=NOON)
        for name in ("ana", "ben")
    ]
    found = collect_metrics(*calls, *people).metrics("BedrockMeter", "Invocations")
    identities = {dict(metric.dimensions).get("IdentityArn") for metric in found} - {None}
    assert identities == {
        "arn:aws:iam::111122223333:role/agent",
        f"{role}/ana",
        f"{role}/ben",
    }


def test_limits_of_a_deployment_take_no_figures_from_a_name() -> None:
    calls = [
        usage_record(request_id=name, identity_arn=f"arn:aws:iam::111122223333:user/{name}")
        for name in (f"user-{number}" for number in range(202))
    ]
    source = collect_metrics(*calls, max_identities=2, max_models=1)
    assert get_values(source, "Invocations", "IdentityArn") == {
        record.identity_arn for record in calls
    }


def test_names_that_cost_least_are_in_the_overflow_bucket_with_all_their_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_metrics, "MAX_NAMES", 2)
    tokens = {"ana": (500, 1), "ben": (100, 400), "eve": (300, 300)}  # of each call
    calls = [
        usage_record(
            request_id=f"{name} {month}",
            timestamp=NOON - timedelta(days=31 * month),
            identity_arn=f"arn:aws:iam::111122223333:user/{name}",
            tokens=TokenCounts(count, 0),
        )
        for name, counts in tokens.items()
        for month, count in enumerate(counts)
    ]
    source = collect_metrics(*calls)
    months = Periods(NOON + timedelta(days=1), 90 * 86_400, 1)
    found = [
        metric
        for metric in source.metrics("BedrockMeter", "InputTokens")
        if metric.dimension_names == {"IdentityArn"}
    ]
    sums = source.values(found, Statistic.SUM, months)
    shown = {dict(metric.dimensions)["IdentityArn"]: value for metric, (value,) in sums.items()}
    assert shown == {
        "arn:aws:iam::111122223333:user/ana": 501,
        "arn:aws:iam::111122223333:user/eve": 600,
        "__other__": 500,
    }


@pytest.mark.parametrize("year", [1, 1970, 2022, 2028, 9999])
def test_an_impossible_time_does_not_move_the_graphs(year: int) -> None:
    odd = usage_record(request_id="odd", timestamp=NOON.replace(year=year))
    source = collect_metrics(call(0, 10), odd)
    assert source.end == NOON + timedelta(minutes=1)
    assert collect_metrics(odd).end is None


def test_sessions_roll_up_by_the_patterns_of_the_settings() -> None:
    session = usage_record(
        timestamp=NOON, identity_arn="arn:aws:sts::111122223333:assumed-role/agent/bot"
    )
    source = collect_metrics(session, role_rollup_patterns=["bot"])
    identities = get_values(source, "Invocations", "IdentityArn")
    assert identities == {"arn:aws:iam::111122223333:role/agent"}


def test_prices_and_projects_follow_the_settings() -> None:
    contracted = {
        "model": NOVA,
        "effective_from": "2026-01-01",
        "usd_per_million": {"input": "500000", "output": "0"},
    }
    pattern = {
        "account_id": "111122223333",
        "principal": "user/ana",
        "effective_from": "2026-01-01T00:00:00Z",
        "project": "search",
    }
    record = usage_record(timestamp=NOON, identity_arn=ANA, model_id=NOVA, tokens=TokenCounts(3, 0))
    source = collect_metrics(
        record, contracted_prices=[contracted], attribution={"patterns": [pattern]}
    )
    cost = Metric("BedrockMeter", ESTIMATED_COST.name, (("Project", "search"),))
    assert source.values([cost], Statistic.SUM, TWO_HOURS) == {cost: (1.5, None)}
