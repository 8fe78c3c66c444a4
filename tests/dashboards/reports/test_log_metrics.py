"""Log files become the metrics that a deployment would publish."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.config import Config
from dashboards.cloudwatch import Metric, Periods, Statistic
from dashboards.reports.log_metrics import LogMetrics
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.catalog import ESTIMATED_COST
from tests.builders import SONNET_4, usage_record

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


def test_identities_beyond_the_limit_share_one_series() -> None:
    calls = [
        usage_record(request_id=name, identity_arn=f"arn:aws:iam::111122223333:user/{name}")
        for name in (f"user-{number}" for number in range(202))
    ]
    found = collect_metrics(*calls).metrics("BedrockMeter", "Invocations")
    identities = [metric for metric in found if metric.dimension_names == {"IdentityArn"}]
    assert len(identities) == 201
    assert (("IdentityArn", "__other__"),) in [metric.dimensions for metric in identities]


@pytest.mark.parametrize("year", [1, 1970, 2022, 2028, 9999])
def test_an_impossible_time_does_not_move_the_graphs(year: int) -> None:
    odd = usage_record(request_id="odd", timestamp=NOON.replace(year=year))
    source = collect_metrics(call(0, 10), odd)
    assert source.end == NOON + timedelta(minutes=1)
    assert collect_metrics(odd).end is None


def test_names_are_limited_by_the_settings_of_the_deployment() -> None:
    calls = [
        usage_record(
            request_id=f"{number}",
            timestamp=NOON,
            identity_arn=f"arn:aws:sts::111122223333:assumed-role/agent-{number}/bot",
            model_id=model_id,
        )
        for number, model_id in enumerate([NOVA, SONNET_4, SONNET_4])
    ]
    source = collect_metrics(*calls, max_identities=2, max_models=1, role_rollup_patterns=["bot"])
    assert get_values(source, "Invocations", "ModelId") == {NOVA, "__other__"}
    assert get_values(source, "Invocations", "IdentityArn") == {
        "arn:aws:iam::111122223333:role/agent-0",
        "arn:aws:iam::111122223333:role/agent-1",
        "__other__",
    }


def test_models_without_a_price_use_at_most_half_of_the_limit() -> None:
    calls = [
        usage_record(request_id=model_id, timestamp=NOON, model_id=model_id)
        for model_id in ("made.up-1", "made.up-2", NOVA, SONNET_4)
    ]
    source = collect_metrics(*calls, max_models=2)
    assert get_values(source, "Invocations", "ModelId") == {"made.up-1", NOVA, "__other__"}


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
