"""The cost before deploying: every metric and alarm of the templates, at a dated price."""

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.alarms.credit_checks import credit_checks
from cdk.alarms.webhook_checks import WEBHOOK_ALARMS
from cdk.components.dashboards import deployed_dashboards
from cdk.config import Config
from cdk.operations.billed_metrics import (
    ANOMALY_ALARM_METRICS,
    COMPARISON_ALARM_METRICS,
    EXPORT_ALARM_METRICS,
    GATEWAY_METRICS,
    HEALTH_ALARM_METRICS,
    PRICE_ALARM_METRICS,
    WEBHOOK_METRICS,
    Usage,
    count_alarm_metrics,
    count_max_series,
    count_series,
    max_metrics_read,
    metrics_read,
    traffic_read,
    unlogged_read,
)
from cdk.operations.cost import print_cost
from cdk.operations.cost_items import UnitPrices
from cdk.operations.credit_cost import credit_cost
from cdk.operations.gateway_cost import SECONDS_OF_A_GATEWAY_CALL, gateway_cost, refusals_usd
from cdk.operations.running_cost import (
    governance_cost,
    occasional_usd,
    running_cost,
    worst_case_usd,
)
from cdk.operations.webhook_cost import webhook_cost
from dashboards.command_line.entry_point import FailedCommand
from lambdas.domain.completeness import BEDROCK_METRICS, MAX_MODELS_READ, OWN_METRICS
from lambdas.domain.limits import list_partitions
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE
from lambdas.domain.metrics.catalog import NAMESPACE
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder
from tests.builders import NOON
from tests.command_line import call_command
from tests.fakes import InMemoryMetrics
from tests.infrastructure.synthesis import ROOT, deployment, resources

PRICES = UnitPrices()
FULL = Config.from_context({"metric_detail": "full"})
counts = st.integers(0, 10**6)


def total(usage: Usage, config: Config | None = None) -> Decimal:
    return sum((line.usd for line in running_cost(usage, config or Config(), PRICES)), Decimal(0))


def test_prices_are_dated_decimals_of_one_region() -> None:
    assert date.fromisoformat(PRICES.date) >= date(2026, 11, 24)
    assert PRICES.region == "us-east-1"
    assert all(
        isinstance(line.usd, Decimal) for line in running_cost(Usage(1, 1, 1), Config(), PRICES)
    )


def sum_up(calls: int, part: str, **settings: Any) -> Decimal:
    """The cost of the lines that have a text, where governance is on, for 20 identities."""
    config = Config.from_context({"governance": True} | settings)
    lines = running_cost(Usage(calls, 20, 5), config, PRICES)
    return sum((line.usd for line in lines if part in line.what), Decimal(0))


@pytest.mark.parametrize("calls", [0, 1, 10**6, 10**9])
def test_the_lines_of_governance_are_all_that_it_adds_to_the_total(calls: int) -> None:
    on = Config.from_context({"governance": True})
    usage = Usage(calls, 20, 5)
    added = sum_up(calls, "governance: ")
    assert abs(total(usage, on) - total(usage) - added) < Decimal(10) ** -12
    assert added > 0
    assert governance_cost(usage, Config(), PRICES) == []


def test_governance_has_a_subtotal_while_it_is_on(capsys: pytest.CaptureFixture[str]) -> None:
    usage, on = Usage(10**6, 20, 5), Config.from_context({"governance": True})
    print_cost(usage, on)
    printed = capsys.readouterr().out
    assert re.findall(r"(Metering|Governance) [\s│]*\$(\S+)", printed) == [
        ("Metering", f"{total(usage):,.2f}"),
        ("Governance", f"{sum_up(10**6, 'governance: '):,.2f}"),
    ]
    print_cost(usage, Config())
    assert not re.search("Metering|Governance", capsys.readouterr().out)


def test_the_alarms_of_governance_are_among_its_lines() -> None:
    alarms = 15 * PRICES["alarm_metric_month"]
    assert sum_up(10**6, "governance: 15 metrics watched by alarms") == alarms


def test_metrics_of_budgets_are_billed_four_each() -> None:
    of_metrics = 40 * Decimal("0.3") + Decimal("0.0864")
    assert sum_up(10**6, "governance: 40 metrics of 10 budgets") == of_metrics


WRITES = PRICES["dynamodb_write_units_million"] / 10**6


def test_a_call_by_itself_writes_its_cells_its_checkpoint_and_the_sum_of_each_budget() -> None:
    calls = 10**6
    cells, checkpoint, sums = 2 * 3, 2, 10 * 2
    counters = [
        line
        for line in running_cost(
            Usage(calls, 20, 5), Config.from_context({"governance": True}), PRICES
        )
        if line.service == "DynamoDB" and "exact counters" in line.what
    ]
    assert sum(line.usd for line in counters) == calls * (cells + checkpoint) * WRITES
    assert sum_up(calls, "sums of 10 budgets that every call matches") == calls * sums * WRITES


def test_calls_of_a_batch_share_a_checkpoint_and_the_sums_of_budgets() -> None:
    # A shard has one batch at a time, of 0.3 seconds; there are four shards.
    batches = 4 * 30 * 24 * 3600 / Decimal("0.3")
    sums = batches * 10 * 2 * WRITES
    assert sum_up(10**9, "sums of 10 budgets that every call matches") == sums
    lines = governance_cost(Usage(10**9, 1, 5), Config.from_context({"governance": True}), PRICES)
    (counters,) = (
        line.usd
        for line in lines
        if line.service == "DynamoDB" and line.what == "governance: exact counters"
    )
    assert counters == batches * (5 * 2 * 2 + 2) * WRITES  # five models, each in two cells


def test_a_batch_with_more_cells_than_a_transaction_takes_is_cut() -> None:
    """With 300 pairs of identity and model, a transaction takes 44 of them: some 48 calls."""
    on = Config.from_context({"governance": True})

    def write(calls: int) -> Decimal:
        lines = governance_cost(Usage(calls, 50, 6), on, PRICES)
        return sum(
            (line.usd for line in lines if "sums of 10 budgets that" in line.what), Decimal()
        )

    chunks = write(10**11) / (10 * 2 * WRITES)
    assert 47 < 10**11 / chunks < 48


def test_quarters_of_an_hour_are_more_to_read_and_not_more_to_write() -> None:
    """A call is in one short cell, whichever its length."""
    counters, calibration = "governance: exact counters", "to calibrate forecasts"
    assert sum_up(10**9, counters, cell_minutes=15) == sum_up(10**9, counters)
    assert sum_up(10**9, calibration, cell_minutes=15) == 4 * sum_up(10**9, calibration)


def test_the_index_of_counters_is_shown_with_its_purpose() -> None:
    on = Config.from_context({"governance": True})
    lines = running_cost(Usage(10**6, 20, 5), on, PRICES)
    (index,) = (line for line in lines if "finds the cells of one identity" in line.what)
    # A call is in a cell of an hour and one of a day, each with a unit for its place in the index.
    assert index.usd == 2 * PRICES["dynamodb_write_units_million"]


def test_the_brake_is_shown_by_itself_and_costs_nothing_while_it_is_off() -> None:
    governance = Config.from_context({"governance": True})
    brake = Config.from_context({"governance": True, "brake": True})

    def sum_up(config: Config, calls: int) -> Decimal:
        lines = running_cost(Usage(calls, 20, 5), config, PRICES)
        return sum((line.usd for line in lines if line.what.startswith("brake: ")), Decimal(0))

    assert sum_up(governance, 10**6) == 0
    # 25 units of reads, a request, and 0.2 seconds of a gigabyte.
    each = 25 * Decimal("0.125") + Decimal("0.2") + Decimal("0.2") * Decimal("13.3334")
    by_the_clock = 30 * 24 * (60 + 12)
    assert sum_up(brake, 0) == each * by_the_clock / 10**6
    assert sum_up(brake, 10**6) == each * (10**6 + by_the_clock) / 10**6
    more = count_alarm_metrics(Usage(1, 1, 1), brake)
    assert more - count_alarm_metrics(Usage(1, 1, 1), governance) == 8


def test_evaluations_after_counting_cost_less_than_counting_and_end_with_the_windows() -> None:
    prompt = "after counting"
    assert sum_up(10**6, prompt) < sum_up(10**6, "governance: exact counters")
    # 20 units of reads, a request, and 0.15 seconds of a gigabyte.
    each = 20 * Decimal("0.125") + Decimal("0.2") + Decimal("0.15") * Decimal("13.3334")
    assert sum_up(10**6, prompt) == each
    windows = 4 * 30 * 24 * 720  # of five seconds in four shards
    assert sum_up(10**9, prompt) == each * windows / 10**6


def test_metrics_are_counted_as_cloudwatch_bills_them() -> None:
    # 11 names for the account and 10 a model, 7 an identity, 4 a project; 16 health metrics.
    standard = 11 + 6 * 10 + 50 * 7 + 5 * 4 + 16
    assert count_series(Usage(1, 50, 6), Config()) == standard
    # In full, 10 an identity, and 7 for each of the models that it calls.
    full = 11 + 6 * 10 + 50 * 10 + 50 * 3 * 7 + 5 * 4 + 16
    assert count_series(Usage(1, 50, 6), FULL) == full


def test_metrics_of_rare_calls_are_billed_only_if_such_calls_occur() -> None:
    def more(usage: Usage, config: Config) -> int:
        return count_series(usage, config) - count_series(Usage(1, 50, 6), Config())

    assert more(Usage(1, 50, 6, unpriced=1), Config()) == 1 + 6
    assert more(Usage(1, 50, 6), Config.from_context({"log_content": True})) == 1 + 6  # latency
    # Each of the account's and models' at once, and seven health metrics.
    assert count_max_series(Usage(1, 50, 6), Config()) == 19 + 6 * 16 + 50 * 7 + 5 * 4 + 23
    assert occasional_usd(Usage(1, 50, 6), Config(), PRICES) == (8 + 6 * 6 + 7) * Decimal("0.3")


def test_logged_prompts_cost_more_and_masking_them_has_a_line() -> None:
    def costs(**settings: bool) -> dict[str, Decimal]:
        config = Config.from_context(settings)
        lines = running_cost(Usage(10**6, 1, 1), config, PRICES)
        return {line.what: line.usd for line in lines if line.service == "CloudWatch Logs"}

    assert [name for name in costs() if "masked" in name] == []
    unmasked = costs(log_content=True, mask_log_content=False)
    (logs,) = unmasked.values()
    assert logs == 20 * sum(costs().values())
    # 20 GB at $0.12.
    assert costs(log_content=True) == unmasked | {"secrets masked in them": Decimal("2.40")}


def test_a_million_calls_cost_no_more_than_177_dollars_a_month() -> None:
    assert total(Usage(10**6, 50, 6)) <= 177


def test_each_shard_publishes_metrics_once_in_30_seconds() -> None:
    def publish(calls: int) -> Decimal:
        lines = running_cost(Usage(calls, 50, 6), Config(), PRICES)
        (usd,) = (line.usd for line in lines if line.what == "requests that publish them")
        return usd * 1000 / PRICES["metric_requests_1000"]

    assert publish(1000) == 1000
    assert publish(10**6) == publish(10**9) == 4 * 30 * 24 * 120


@pytest.mark.parametrize(
    ("config", "series", "usd"),
    [
        # 201 identities, 101 models, 52 projects: of each the bound, and one for all others.
        (Config(), 19 + 101 * 16 + 201 * 7 + 52 * 4 + 23, Decimal("1160.4034")),
        # In full, 1,000 models of identities as well, and one for all others of each identity.
        (FULL, 19 + 101 * 16 + 201 * 12 + 1201 * 7 + 52 * 4 + 23, Decimal("3447.0034")),
    ],
)
def test_the_worst_case_is_bounded_whatever_callers_do(
    config: Config, series: int, usd: Decimal
) -> None:
    many = 10**9
    assert count_max_series(Usage(many, many, many, many, many), config) == series
    assert worst_case_usd(config, PRICES) == usd


@given(counts, counts, counts)
def test_no_usage_exceeds_the_metrics_of_the_worst_case(
    identities: int, models: int, projects: int
) -> None:
    usage = Usage(10**6, identities, models, projects, projects)
    metrics = [
        line for line in running_cost(usage, Config(), PRICES) if line.what.endswith("metrics")
    ]
    others = [
        item
        for item in running_cost(usage, Config(), PRICES)
        if any(what in item.what for what in ("watched", "compare them with", "outside the logs"))
        and item.service == "CloudWatch"
    ]
    assert sum(line.usd for line in (*metrics, *others)) <= worst_case_usd(Config(), PRICES)


@given(counts, counts, st.integers(0, 50))
def test_more_usage_never_costs_less(calls: int, identities: int, models: int) -> None:
    cheapest = total(Usage(calls, identities, models))
    assert total(Usage(calls + 1, identities, models)) >= cheapest
    assert total(Usage(calls, identities + 1, models)) >= cheapest
    assert total(Usage(calls, identities, models + 1)) >= cheapest


def test_identities_beyond_the_limit_cost_nothing_more() -> None:
    assert total(Usage(1, 201, 6)) == total(Usage(1, 100_000, 6))


def test_each_identity_and_model_is_watched_by_two_severities() -> None:
    def watched(identities: int, models: int) -> Decimal:
        (item,) = (
            item
            for item in running_cost(Usage(1, identities, models), Config(), PRICES)
            if "watched by alarms" in item.what
        )
        return item.usd

    each = 2 * PRICES["alarm_metric_month"]
    assert watched(11, 6) - watched(10, 6) == watched(10, 7) - watched(10, 6) == each


def test_calls_without_a_price_cost_their_notes_and_one_read_of_each() -> None:
    more = total(Usage(10**6, 50, 6, unpriced=1000)) - total(Usage(10**6, 50, 6))
    groups, hours = 20, 720
    writes = 1000 * 4 + groups * 2 * 4 * hours
    reads = 1000 * Decimal("2.1") + groups * 17 * hours
    write_usd = writes * PRICES["dynamodb_write_units_million"]
    read_usd = reads * PRICES["dynamodb_read_units_million"]
    metric_usd = (1 + 6) * PRICES["metric_month_first_10000"]
    assert more == (write_usd + read_usd) / 10**6 + metric_usd > 0


def test_a_million_calls_without_a_price_cost_a_few_dollars() -> None:
    calls = 10**6
    assert total(Usage(calls, 50, 6, unpriced=calls)) - total(Usage(calls, 50, 6)) < 5


def test_prices_are_looked_up_every_hour_even_if_none_is_missing() -> None:
    config = Config.from_context({"price_updates": False})
    lines = running_cost(Usage(0, 0, 0), config, PRICES)
    of_it = [line for line in lines if "price" in line.what and line.service != "S3"]
    assert len(of_it) == 2
    assert all(line.usd > 0 for line in of_it)


def test_without_the_daily_export_its_reads_and_alarms_cost_nothing() -> None:
    without = Config.from_context({"focus_export": False})
    lines = running_cost(Usage(10**6, 50, 6), without, PRICES)
    assert not [line for line in lines if "export" in line.what]
    saved = total(Usage(10**6, 50, 6)) - total(Usage(10**6, 50, 6), without)
    reads = 30 * Decimal(3 * 10**6 * 700) / 8192 / 10**6 * PRICES["dynamodb_read_units_million"]
    seconds = 30 * Decimal(3 * 10**6) / 10**4
    alarms = 3 * PRICES["alarm_metric_month"]
    mantle = 30 * 2 * 4 * PRICES["metrics_read_1000"] / 1000  # of two periods
    assert saved == reads + seconds * 2 * PRICES["lambda_arm_gb_second"] + alarms + mantle


def test_without_the_weekly_comparison_it_costs_nothing() -> None:
    without = Config.from_context({"comparison_report": False})
    lines = running_cost(Usage(10**6, 50, 6), without, PRICES)
    assert not [line for line in lines if "comparison" in line.what]
    saved = total(Usage(10**6, 50, 6)) - total(Usage(10**6, 50, 6), without)
    runs, kept_calls = Decimal(30) / 7, Decimal(3 * 10**6)
    reads = runs * kept_calls * 700 / 8192 / 10**6 * PRICES["dynamodb_read_units_million"]
    seconds = runs * kept_calls / 10**4
    alarms = 2 * PRICES["alarm_metric_month"]
    mantle = 5 * 4 * PRICES["metrics_read_1000"] / 1000
    expected = reads + seconds * 2 * PRICES["lambda_arm_gb_second"] + alarms + mantle
    assert abs(saved - expected) < Decimal(10) ** -12


def test_the_weekly_summary_costs_four_scans_a_month_and_its_alarms() -> None:
    sent = Config.from_context({"notify_emails": ["finops@example.com"]})
    lines = running_cost(Usage(10**6, 50, 6), sent, PRICES)
    assert len([line for line in lines if "weekly summary" in line.what]) == 2
    more = total(Usage(10**6, 50, 6), sent) - total(Usage(10**6, 50, 6))
    runs, kept_calls = Decimal(30) / 7, Decimal(3 * 10**6)
    reads = runs * kept_calls * 700 / 8192 / 10**6 * PRICES["dynamodb_read_units_million"]
    seconds = runs * kept_calls / 10**4
    alarms = 3 * PRICES["alarm_metric_month"]
    mantle = 5 * 4 * PRICES["metrics_read_1000"] / 1000
    expected = reads + seconds * 2 * PRICES["lambda_arm_gb_second"] + alarms + mantle
    assert abs(more - expected) < Decimal(10) ** -12
    assert more < 1


def test_without_a_subscriber_no_summary_is_paid_for() -> None:
    lines = running_cost(Usage(10**6, 50, 6), Config(), PRICES)
    assert not [line for line in lines if "summary" in line.what]


def test_without_price_updates_only_the_lookup_of_editions_is_charged() -> None:
    without = Config.from_context({"price_updates": False})
    lines = running_cost(Usage(1, 1, 1), without, PRICES)
    assert not [line for line in lines if "list prices" in line.what]
    (looks,) = (line.usd for line in lines if line.service == "S3")
    assert looks == 720 * 6 * 5 * PRICES["s3_reads_1000"] / 1000
    saved = total(Usage(1, 1, 1)) - total(Usage(1, 1, 1), without)
    seconds = 30 * 20 * PRICES["lambda_arm_gb_second"]
    writes = 30 * 5 * PRICES["s3_writes_1000"] / 1000
    assert saved == seconds + writes + 4 * PRICES["alarm_metric_month"]


def test_alarms_and_dashboards_match_the_template() -> None:
    template = deployment().monitoring
    alarms = resources(template, "AWS::CloudWatch::Alarm").values()
    health = [alarm for alarm in alarms if alarm["AlarmName"].startswith("BedrockMeter-Health-")]
    watched = sum(
        sum("MetricStat" in query for query in alarm["Metrics"]) if "Metrics" in alarm else 1
        for alarm in health
    )
    optional = EXPORT_ALARM_METRICS + COMPARISON_ALARM_METRICS + PRICE_ALARM_METRICS
    assert watched == HEALTH_ALARM_METRICS + optional
    assert len(resources(template, "AWS::CloudWatch::Dashboard")) == len(
        deployed_dashboards(Config())
    )
    with_one_more = Config.from_context({"extra_dashboards": "model_comparison"})
    more = total(Usage(1, 1, 1), with_one_more) - total(Usage(1, 1, 1))
    assert more == PRICES["dashboard_month"]
    without = Config.from_context({"anomaly_band": 0})
    difference = total(Usage(1, 1, 1)) - total(Usage(1, 1, 1), without)
    assert difference == ANOMALY_ALARM_METRICS * PRICES["alarm_metric_month"]


def test_each_contributor_rule_and_each_matched_log_event_is_billed() -> None:
    config = Config.from_context({"contributor_insights": True})
    rules = len(resources(deployment("adopting").monitoring, "AWS::CloudWatch::InsightRule"))
    usage = Usage(3_000_000, 1, 1)
    expected = rules * (PRICES["contributor_rule_month"] + 3 * PRICES["contributor_events_million"])
    assert total(usage, config) - total(usage) == expected > 0


def test_metrics_are_read_as_often_as_audits_read_them() -> None:
    metrics, models = InMemoryMetrics(), 4
    minutes = [NOON - timedelta(minutes=minutes) for minutes in (58, 90, 150)]
    for namespace, names in ((NAMESPACE, OWN_METRICS), (BEDROCK_NAMESPACE, BEDROCK_METRICS)):
        for name in chain.from_iterable(names.values()):
            for model, minute in product(range(models), minutes):
                metrics.add(namespace, name, minute, model=f"model-{model}")
    auditor = CoverageAuditor(metrics)
    for step in range(12):
        auditor.audit(NOON + timedelta(minutes=15 - 5 * step))
    auditor.audit_settled_hours(NOON + timedelta(minutes=15))
    lists = metrics.read.total() // models
    of_bedrock_mantle = 3
    of_forged_series = 1 + models + 2  # each identity and model, and both lists
    expected = metrics.read.total() + lists + metrics.counted + of_bedrock_mantle + of_forged_series
    assert metrics_read(Usage(1, 1, models), Config()) == 720 * expected


def test_reads_of_audits_are_bounded_whatever_callers_do() -> None:
    """An application inference profile costs nothing and is one more model to Bedrock."""
    most = metrics_read(Usage(1, 1, 10**9), Config())
    assert metrics_read(Usage(1, 1, 1_000), Config()) == most
    assert Decimal(most) / 1000 * PRICES["metrics_read_1000"] < 58


@pytest.mark.parametrize("fakes", [201, 202, 20_000])
def test_reads_of_audits_are_bounded_whatever_others_publish(fakes: int) -> None:
    metrics = InMemoryMetrics()
    minutes = [NOON - timedelta(minutes=minutes) for minutes in (58, 150)]
    for name in chain.from_iterable(OWN_METRICS.values()):
        for number, minute in product(range(fakes), minutes):
            metrics.add(NAMESPACE, name, minute, model=f"fake-{number}")
    for number, minute in product(range(MAX_MODELS_READ), minutes):
        metrics.add(BEDROCK_NAMESPACE, "Invocations", minute, model=f"vendor.model-{number}")
    auditor = CoverageAuditor(metrics)
    for step in range(12):
        auditor.audit(NOON + timedelta(minutes=15 - 5 * step))
    auditor.audit_settled_hours(NOON + timedelta(minutes=15))
    for model in (None, "fake-1"):
        metrics.add(NAMESPACE, "QuotaTokens", minutes[0], model=model)
    ForgedSeriesFinder(metrics, "QuotaTokens").find(NOON)
    assert 720 * metrics.read.total() <= max_metrics_read(Config())
    assert Decimal(max_metrics_read(Config())) / 1000 * PRICES["metrics_read_1000"] < 85


@pytest.mark.parametrize(
    ("context", "lists", "metrics"),
    [
        # Of 33 other Regions two lists; one list of tiers, and a metric of each of 6 models.
        ({}, 67, 6),
        ({"regions": ["us-east-1"]}, 67, 6),
        ({"regions": ["us-east-1", "eu-west-1", "us-west-2"]}, 63, 6),
        ({"log_content": True}, 66, 0),
    ],
)
def test_the_traffic_audit_reads_each_region_once_an_hour(
    context: dict[str, Any], lists: int, metrics: int
) -> None:
    config = Config.from_context(context)
    assert traffic_read(Usage(1, 1, 6), config) == 720 * (lists + metrics)


def test_the_traffic_audit_is_bounded_whatever_callers_do() -> None:
    """Reads in each of 33 Regions: two lists, 50 models at both endpoints, and metered calls."""
    many = 10**9
    most = traffic_read(Usage(1, 1, many), Config(), models_elsewhere=many)
    assert most == 720 * (33 * (2 + 2 * 50 + 3) + 1 + 200)
    assert Decimal(most) / 1000 * PRICES["metrics_read_1000"] < 27


@pytest.mark.parametrize(
    ("context", "series", "metrics"),
    [
        # Each time two totals, two lists, and both metrics of each pair of project and model.
        ({}, 0, (60 + 5) * 4),
        ({}, 3, (60 + 5) * 10),
        ({}, 10**9, (60 + 5) * 404),
        ({"focus_export": False}, 0, 5 * 4),
        ({"focus_export": False, "comparison_report": False}, 3, 0),
    ],
)
def test_reports_read_a_bounded_number_of_metrics_of_bedrock_mantle(
    context: dict[str, Any], series: int, metrics: int
) -> None:
    assert unlogged_read(Config.from_context(context), series) == metrics


def test_metrics_of_batch_jobs_are_billed_if_buckets_are_configured() -> None:
    usage, config = Usage(1, 1, 6), Config.from_context({"batch_output_buckets": ["results"]})
    more = count_max_series(usage, config) - count_max_series(usage, Config())
    assert more == 2 * (1 + 6)
    assert total(usage, config) == total(usage)  # they have data in few hours


def test_the_readme_matches_the_printed_figures() -> None:
    figure = f"a million calls by 50 identities on 6 models costs {total(Usage(10**6, 50, 6)):,.2f}"
    assert figure in " ".join((ROOT / "README.md").read_text().split())


def test_the_readme_says_what_governance_costs() -> None:
    on = Config.from_context({"governance": True})
    usd = sum(line.usd for line in governance_cost(Usage(10**6, 50, 6), on, PRICES))
    figure = f"without the brake, this costs about ${usd:.0f} a month at a million calls"
    assert f"With ten budgets and {figure}" in " ".join((ROOT / "README.md").read_text().split())


def test_the_readme_says_what_the_gateway_costs() -> None:
    on = Config.from_context({"governance": True, "gateway": True})
    usd = sum(line.usd for line in gateway_cost(Usage(10**6, 50, 6), on, PRICES))
    figure = (
        f"A million calls of {SECONDS_OF_A_GATEWAY_CALL} seconds each cost about ${usd:.0f} more"
    )
    assert figure in " ".join((ROOT / "README.md").read_text().split())


def test_the_command_prints_a_total(capsys: pytest.CaptureFixture[str]) -> None:
    print_cost(Usage(1_000_000, 50, 6), Config())
    printed = capsys.readouterr().out
    assert f"{total(Usage(1_000_000, 50, 6)):,.2f}" in printed
    assert f"at most ${worst_case_usd(Config(), PRICES):,.2f}" in " ".join(printed.split())


def test_projects_and_settings_of_the_command_line_change_the_estimate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = ("cost", "--calls=1000000", "--identities=50", "--models=6")
    call_command(*usage)
    assert "with calls of 5 projects" in " ".join(capsys.readouterr().out.split())
    call_command(*usage, "--projects=50", "-c", "metric_detail=full")
    printed = capsys.readouterr().out
    assert f"{total(Usage(10**6, 50, 6, projects=50), FULL):,.2f}" in printed


@pytest.mark.parametrize(
    ("calls", "unpriced"),
    [*((text, "0") for text in ("", "many", "-1", "1.5")), ("1", "-1"), ("1", "few")],
)
def test_invalid_numbers_are_refused(calls: str, unpriced: str) -> None:
    numbers = [f"--calls={calls}", "--identities=1", "--models=1", f"--unpriced={unpriced}"]
    with pytest.raises(FailedCommand, match="make cost CALLS="):
        call_command("cost", *numbers)


def test_credits_are_shown_by_themselves_and_cost_nothing_while_they_are_off() -> None:
    usage = Usage(10**6, 50, 6)
    without = Config.from_context({"governance": True})
    config = Config.from_context({"governance": True, "credits": True})
    lines = credit_cost(usage, config, PRICES)
    assert credit_cost(usage, without, PRICES) == []
    assert all(line.what.startswith("credits: ") for line in lines)
    added = sum(line.usd for line in lines)
    assert abs(total(usage, config) - total(usage, without) - added) < Decimal(10) ** -12
    more = count_alarm_metrics(usage, config) - count_alarm_metrics(usage, without)
    health = [check.name for check in credit_checks()]
    assert more == len(health) + len(("CreditBookerErrors", "CreditBookerNotStarted"))


def test_the_printed_total_has_every_optional_part(capsys: pytest.CaptureFixture[str]) -> None:
    usage, settings = Usage(10**6, 50, 6), {"governance": True}
    for part in ("credits", "gateway", "webhooks"):
        settings[part] = True
        config = Config.from_context(settings)
        print_cost(usage, config)
        printed = capsys.readouterr().out
        assert f"${total(usage, config):,.2f}" in next(
            line for line in printed.splitlines() if "Total" in line
        )
        assert part.capitalize() in printed


def test_the_settings_page_says_what_credits_cost() -> None:
    config = Config.from_context({"governance": True, "credits": True})
    lines = credit_cost(Usage(10**6, 50, 6), config, PRICES)
    usd = sum(line.usd for line in lines if "metrics of" not in line.what)
    page = (ROOT / "docs" / "settings.md").read_text()
    assert f"About ${usd:.0f} a month at a million calls" in page


def test_the_gateway_is_shown_by_itself_and_costs_nothing_while_it_is_off() -> None:
    usage = Usage(10**6, 20, 5)
    without = Config.from_context({"governance": True})
    gateway = Config.from_context({"governance": True, "gateway": True})
    lines = gateway_cost(usage, gateway, PRICES)
    assert gateway_cost(usage, without, PRICES) == []
    assert all(line.what.startswith("gateway: ") for line in lines)
    added = sum((line.usd for line in lines), Decimal(0))
    assert abs(total(usage, gateway) - total(usage, without) - added) < Decimal(10) ** -12
    more = count_alarm_metrics(usage, gateway) - count_alarm_metrics(usage, without)
    assert more * PRICES["alarm_metric_month"] == lines[-1].usd


def test_the_metrics_of_each_operation_and_of_all_calls_are_in_the_cost_of_the_gateway() -> None:
    gateway = Config.from_context({"governance": True, "gateway": True})
    without = Config.from_context({"governance": True})
    usage = Usage(10**6, 20, 5)
    (line,) = (line for line in gateway_cost(usage, gateway, PRICES) if "11 metrics" in line.what)
    of_operations, of_all_calls = 2 * 4, 3
    series = of_operations + of_all_calls
    assert line.usd == series * PRICES["metric_month_first_10000"]
    assert count_series(usage, gateway) - count_series(usage, without) == series


def test_refusals_have_two_metrics_of_each_counted_policy_at_most() -> None:
    gateway = Config.from_context({"governance": True, "gateway": True})
    without = Config.from_context({"governance": True})
    usage = Usage(10**6, 20, 5)
    of_policies, of_calls, of_health = 2 * (50 + 3), 8 + 3, len(GATEWAY_METRICS)
    more = count_max_series(usage, gateway) - count_max_series(usage, without)
    assert more == of_policies + of_calls + of_health


def test_each_call_writes_two_units_to_the_item_of_each_subject() -> None:
    """The item has three limits and ten open calls, and more than a kilobyte."""
    gateway = Config.from_context({"governance": True, "gateway": True})
    (line,) = (
        line
        for line in gateway_cost(Usage(10**6, 20, 5), gateway, PRICES)
        if "reservations" in line.what
    )
    writes = 2 * Decimal("2.3") * 10**6
    assert line.usd == 2 * writes * PRICES["dynamodb_write_units_million"] / 10**6


def test_traces_are_named_beside_the_table_which_has_no_price_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage, traced = Usage(10**6, 20, 5), {"gateway_trace_share": "0.05"}
    print_cost(usage, Config.from_context({"governance": True, "gateway": True, **traced}))
    printed = " ".join(capsys.readouterr().out.split())
    assert "Traces have 0.12 GB of spans a month. AWS's price of spans is not in the" in printed
    print_cost(usage, Config.from_context({"governance": True, "gateway": True}))
    assert "spans" not in capsys.readouterr().out


def test_most_of_what_the_gateway_costs_is_waiting() -> None:
    gateway = Config.from_context({"governance": True, "gateway": True})
    waiting, *others = gateway_cost(Usage(10**6, 20, 5), gateway, PRICES)
    seconds, half_a_gigabyte = 10 * 10**6, Decimal("0.5")
    run = seconds * half_a_gigabyte * PRICES["lambda_arm_gb_second"]
    assert waiting.usd == run + PRICES["lambda_requests_million"]
    assert waiting.usd > 4 * sum(line.usd for line in others)


def test_the_settler_of_the_gateway_is_billed_whether_there_are_calls_or_not() -> None:
    gateway = Config.from_context({"governance": True, "gateway": True})
    runs, of_no_calls = 30 * 24 * 60, gateway_cost(Usage(0, 0, 0), gateway, PRICES)
    units, run = (line.usd for line in of_no_calls if "each minute" in line.what)
    partitions = Decimal(len([*list_partitions()])) / 2  # an empty query takes half a unit
    assert units > runs * partitions * PRICES["dynamodb_read_units_million"] / 10**6
    request = PRICES["lambda_requests_million"] / 10**6
    second = Decimal("0.5") * PRICES["lambda_arm_gb_second"]
    assert run == runs * (request + second)
    watched = sum(line.usd for line in of_no_calls if line.service == "CloudWatch")
    assert sum(line.usd for line in of_no_calls) == units + run + watched < 9


def test_each_caller_of_the_gateway_has_a_mark_an_hour_and_each_call_an_entry_in_the_index() -> (
    None
):
    gateway = Config.from_context({"governance": True, "gateway": True})

    def cost(calls: int, identities: int) -> Decimal:
        lines = gateway_cost(Usage(calls, identities, 5), gateway, PRICES)
        return sum((line.usd for line in lines), Decimal(0))

    write = PRICES["dynamodb_write_units_million"] / 10**6
    assert abs(cost(1000, 21) - cost(1000, 20) - 720 * 6 * write) < Decimal(10) ** -12
    (index,) = (
        line.usd
        for line in gateway_cost(Usage(1, 1, 1), gateway, PRICES)
        if "the index of its calls" in line.what
    )
    assert index == write + Decimal("6.5") * PRICES["dynamodb_read_units_million"] / 10**6


def test_the_page_of_the_gateway_says_what_it_costs() -> None:
    page = " ".join((ROOT / "docs" / "gateway-deployment.md").read_text().split())
    on = Config.from_context({"governance": True, "gateway": True})
    usd = sum(line.usd for line in gateway_cost(Usage(10**6, 50, 6), on, PRICES))
    assert f"adds ${usd:,.2f} a month at a million calls of ten seconds by 50 callers" in page
    assert f"a million requests without a valid key cost ${refusals_usd(PRICES):,.2f}" in page


def test_a_million_requests_without_a_key_cost_less_than_a_dollar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert Decimal("0.5") < refusals_usd(PRICES) < 1
    usage = Usage(10**6, 20, 5)
    print_cost(usage, Config.from_context({"governance": True, "gateway": True}))
    printed = " ".join(capsys.readouterr().out.split())
    figure = f"${refusals_usd(PRICES):,.2f}"
    assert f"requests to the gateway without a valid key would cost {figure} more" in printed
    assert "Gateway" in printed
    print_cost(usage, Config())
    assert "gateway" not in capsys.readouterr().out


def test_webhooks_are_shown_by_themselves_and_cost_nothing_while_they_are_off() -> None:
    usage, off = Usage(10**6, 20, 5), Config.from_context({})
    on = Config.from_context({"webhooks": True})
    lines = webhook_cost(on, PRICES)
    assert webhook_cost(off, PRICES) == []
    assert all(line.what.startswith("webhooks: ") for line in lines)
    added = sum((line.usd for line in lines), Decimal(0))
    assert abs(total(usage, on) - total(usage, off) - added) < Decimal(10) ** -12
    more = count_alarm_metrics(usage, on) - count_alarm_metrics(usage, off)
    assert more * PRICES["alarm_metric_month"] == lines[-1].usd
    assert len(WEBHOOK_ALARMS) == more
    assert len(WEBHOOK_METRICS) == count_max_series(usage, on) - count_max_series(usage, off)


def test_the_page_of_settings_says_what_webhooks_cost() -> None:
    lines = webhook_cost(Config.from_context({"webhooks": True}), PRICES)
    by_service = {line.service: line.usd for line in lines}
    page = (ROOT / "docs" / "settings.md").read_text()
    (row,) = (line for line in page.splitlines() if line.startswith("| `webhooks` |"))
    assert "a key, $1.00" in row
    assert by_service["CloudWatch"] == Decimal("0.70")
    assert "seven alarms, $0.70" in row
    assert abs(by_service["SQS"] - Decimal("0.53")) < Decimal("0.02")
    assert "about $0.53" in row
