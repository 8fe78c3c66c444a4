"""A forged log with a real call's request id hides neither the call, its tokens nor its cost.

Each row of the attack is looked at in the ledger, in the metrics and in the FOCUS export.
"""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.focus_files import FocusFiles
from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.metrics.catalog import NAMESPACE
from lambdas.domain.pricing import Cost, Pricing, shipped_prices
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.functions.price_refresher import handler as price_refresher
from lambdas.services.export_focus import FocusExporter
from tests.aws import LEDGER, deploy_stack, lambda_context, published, set_log_processor_variables
from tests.builders import enriched
from tests.enriching import current_books
from tests.fakes import InMemoryReportFiles
from tests.focus_rules import TextRow, read_rows
from tests.functions.deliveries import Table, deliver, publish
from tests.invocation_logs import log

CONTEXT = lambda_context(900_000)
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
CALLED_AT = NOW - DAY
OPUS_4 = "anthropic.claude-opus-4-20250514-v1:0"
VICTIM = "arn:aws:iam::111122223333:user/victim"
TOKENS = 6_000_000
PRICING = Pricing(shipped_prices())
REAL = log(
    timestamp=CALLED_AT.isoformat(),
    modelId=OPUS_4,
    input={"inputTokenCount": 5_000_000},
    output={"outputTokenCount": 1_000_000},
)
ZERO_TOKENS = {"input": {"inputTokenCount": 0}, "output": {"outputTokenCount": 0}}
FORGED = {
    "one token of another user": {
        "identity": {"arn": VICTIM},
        "input": {"inputTokenCount": 1},
        "output": {},
    },
    "zero tokens": ZERO_TOKENS,
    "two days later": {"timestamp": (NOW + DAY).isoformat()},
    "half an hour ahead": {"timestamp": (NOW + timedelta(minutes=30)).isoformat()},
    "far in the future": {"timestamp": "2099-01-01T00:00:00Z"},
    "older than the ledger": {"timestamp": "2016-01-01T00:00:00Z"},
    "error": {"errorCode": "ThrottlingException"},
    "cheap model": {"modelId": "amazon.nova-micro-v1:0"},
    "unknown model": {"modelId": "a-model-without-a-price"},
    "without counts": {"input": {}, "output": {}},
    "all at once": {
        "errorCode": "ThrottlingException",
        "modelId": "amazon.nova-micro-v1:0",
        **ZERO_TOKENS,
    },
}
ORDERS = {
    "before": [[1], [0]],
    "after": [[0], [1]],
    "before and after": [[1], [0], [1]],
    "in one delivery": [[1, 0, 1]],
}
"""Deliveries of the real log (0) and of a forged one (1)."""


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_log_processor_variables(monkeypatch)
    monkeypatch.setenv("STACK_ID", deploy_stack())


@pytest.fixture
def table() -> Table:
    return Table()


def meter(table: Table, *logs: dict[str, Any]) -> None:
    """Deliver logs, then publish the changes of the ledger."""
    deliver(*map(json.dumps, logs))
    publish(table.changes())


def in_ledger() -> UsageRecord:
    calls = DynamoDbRecordedCalls(boto3.client("dynamodb"), LEDGER)
    pages = calls.scan_range(NOW - 200 * DAY, NOW + 20_000 * DAY)
    (record,) = (record for page in pages for record in page.records)
    return record


def in_metrics(metric: str, dimension: str = "ModelId") -> dict[str, float]:
    """The sums of a metric around the call and around now, by a dimension (moto knows no sum)."""
    found = boto3.client("cloudwatch").list_metrics(Namespace=NAMESPACE, MetricName=metric)
    values = {
        series["Dimensions"][0]["Value"]
        for series in found["Metrics"]
        if [named["Name"] for named in series["Dimensions"]] == [dimension]
    }
    return {
        value: sum(published(metric, around, **{dimension: value}) for around in (CALLED_AT, NOW))
        for value in values
    }


def total(*metrics: str) -> float:
    return sum(sum(in_metrics(metric).values()) for metric in metrics)


def in_focus() -> list[TextRow]:
    """The rows of the export."""
    files = InMemoryReportFiles()
    FocusExporter(
        calls=DynamoDbRecordedCalls(boto3.client("dynamodb"), LEDGER),
        books=current_books(pricing=PRICING),
        files=FocusFiles(files, _write_nothing),
        account_id="111122223333",
        billing_account_id=None,
        kept=90 * DAY,
    ).export(NOW + timedelta(hours=2))
    return [
        row
        for name, content in files.kept.items()
        if name.endswith(".csv.gz")
        for row in read_rows(io.StringIO(gzip.decompress(content).decode(), newline=""))
    ]


def _write_nothing(_csv: Path, parquet: Path) -> int:
    parquet.touch()
    return 0


def compute_cost(record: UsageRecord) -> Cost:
    cost = price_call(record, PRICING)
    assert isinstance(cost, Cost)
    return cost


def real_call() -> UsageRecord:
    real = read_message(json.dumps(REAL))
    assert isinstance(real, UsageRecord)
    return real


def check_ledger(call: UsageRecord) -> None:
    real = real_call()
    assert (call.tokens, call.timestamp) == (real.tokens, real.timestamp)
    assert not call.is_failed
    cost = compute_cost(call)
    assert cost.effective_usd == compute_cost(real).effective_usd
    assert enriched(call, PRICING).model_id == OPUS_4
    assert call.identity_arn != VICTIM


def check_metrics() -> None:
    price_refresher.lambda_handler({}, CONTEXT)  # the hourly run
    assert total("Invocations") == 1
    assert total("TotalTokens") == total("InputTokens", "OutputTokens") == TOKENS
    assert total("EstimatedCostUSD") == pytest.approx(
        float(compute_cost(real_call()).effective_usd)
    )
    assert total("InvocationErrors") <= 1
    assert in_metrics("TotalTokens", "IdentityArn").get(VICTIM, 0) <= 1


def check_focus() -> None:
    rows = in_focus()
    assert sum(Decimal(row["ConsumedQuantity"] or 0) for row in rows) == TOKENS
    expected = compute_cost(real_call()).effective_usd
    assert sum(Decimal(row["BilledCost"] or 0) for row in rows) == expected
    assert VICTIM not in json.dumps(rows)


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_forged_duplicates_hide_nothing_in_ledger_metrics_and_focus(
    forged: dict[str, Any], order: list[list[int]], table: Table
) -> None:
    for delivery in order:
        meter(table, *(REAL | forged if is_forged else REAL for is_forged in delivery))
    check_ledger(in_ledger())
    check_metrics()
    check_focus()


@pytest.mark.parametrize(
    "forged",
    [
        {"requestMetadata": {"project": "b", "department": "x"}},
        {"operation": "InvokeModel"},
        {"inferenceRegion": "eu-west-1"},
        {"identity": {}},
    ],
    ids=lambda forged: next(iter(forged)),
)
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_duplicates_with_another_identity_or_model_are_conflicts(
    forged: dict[str, Any],
    order: list[list[int]],
    table: Table,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = REAL | {"requestMetadata": {"project": "a"}, "inferenceRegion": "us-west-2"}
    for delivery in order:
        meter(table, *(real | forged if is_forged else real for is_forged in delivery))
    metrics = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    conflicts = [json.loads(line).get("ConflictingDuplicates", [0]) for line in metrics]
    assert sum(map(sum, conflicts)) == 1


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_duplicate_from_three_weeks_ago_keeps_no_call_out_of_the_metrics(
    order: list[list[int]], table: Table
) -> None:
    """The ledger shows the call at the earliest time, for which CloudWatch takes no metric."""
    duplicate = REAL | {"timestamp": (NOW - 21 * DAY).isoformat(), **ZERO_TOKENS}
    for delivery in order:
        meter(table, *(duplicate if is_forged else REAL for is_forged in delivery))
    assert in_ledger().tokens == real_call().tokens
    check_metrics()


@pytest.mark.parametrize("forged", [{"accountId": "444455556666"}, {"region": "eu-north-1"}])
def test_a_duplicate_from_another_account_or_region_is_not_a_second_call(
    forged: dict[str, Any], table: Table
) -> None:
    meter(table, REAL | forged, REAL)
    check_ledger(in_ledger())
    check_metrics()
    check_focus()


def test_nine_cheap_forged_models_do_not_displace_the_real_one(table: Table) -> None:
    cheap = [REAL | {"modelId": f"a-model-{number}"} for number in range(9)]
    meter(table, *cheap, REAL)
    assert compute_cost(in_ledger()).effective_usd >= compute_cost(real_call()).effective_usd
