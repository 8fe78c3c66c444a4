"""The cost of the deployed functions: their start, writes, calls and CPU."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from statistics import median
from time import process_time
from typing import Any, cast

from dashboards.demo.company import invocation_logs
from lambdas.adapters.dynamodb.usage_item import from_item, to_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import EditionBooks, SumUp, get_spans
from lambdas.domain.invocations import Delivery, TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange, StreamedChange
from lambdas.domain.metrics import DimensionNamer
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.chunks import cut_into_chunks
from lambdas.domain.pricing import Pricing, shipped_prices
from lambdas.services.count_usage import UsageCounter
from tests.benchmarks.figure import Figure
from tests.builders import NOON, usage_record
from tests.counters import InMemoryCounters, streamed
from tests.dynamodb import InMemoryDynamoDb
from tests.enriching import call_books
from tests.log_deliveries import pack

_ENRICHER = CallEnricher(Pricing(shipped_prices()))
_ROUNDS = 9
_RETENTION = timedelta(days=90)
_CLIENT = "boto3.client('dynamodb', region_name='us-east-1')"
_TIMED = "import time; start = time.process_time(); {work}; print(time.process_time() - start)"


def figures() -> Iterator[Figure]:
    """Measure the functions' own code, without AWS."""
    yield _import_ratio()
    records = _company()
    yield from _ledger_requests(records)
    yield Figure(
        "put_metric_data_calls_per_1000_records",
        len(_chunks(_forty_identities())),
        "calls",
        "one batch of 1000 calls, 40 identities, 6 models, 5 minutes, detail standard",
    )
    minutes = [list(group) for _, group in groupby(records, key=attrgetter("minute"))]
    calls = sum(len(_chunks(minute)) for minute in minutes)
    yield Figure(
        "put_metric_data_calls_per_1000_records",
        round(calls * 1000 / len(records), 1),
        "calls",
        f"{len(records)} calls of the real trace, one flush a minute, detail standard",
    )
    yield _pipeline_cpu()
    yield _counting_cpu(records)


def _import_ratio() -> Figure:
    handler = f"import lambdas.functions.log_processor.handler, boto3; {_CLIENT}"
    plain = f"import boto3; {_CLIENT}"
    ratio = median(_cpu_seconds(handler) / _cpu_seconds(plain) for _ in range(_ROUNDS))
    note = f"handler and one client over boto3 and one client; median of {_ROUNDS} pairs of runs"
    return Figure("log_processor_import_over_boto3", round(ratio, 2), "ratio", note)


def _cpu_seconds(work: str) -> float:
    command = [sys.executable, "-c", _TIMED.format(work=work)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def _company() -> list[UsageRecord]:
    parts = Delivery.open(pack(json.dumps(log) for log in invocation_logs()))
    return [
        reading for part in parts for reading in part.readings() if isinstance(reading, UsageRecord)
    ]


def _ledger_requests(records: list[UsageRecord]) -> Iterator[Figure]:
    """Write calls through the ledger's adapter, then write all of them again."""
    calls = [record._replace(request_id=str(uuid.uuid4())) for record in records[:1000]]
    table = InMemoryDynamoDb()
    client: Any = table
    ledger = DynamoDbUsageLedger(client, "usage-ledger", _RETENTION)
    for kind in ("new", "repeated"):
        table.reset_consumption()
        ledger.write(calls)
        note = f"1000 {kind} calls of the demo's company in one batch, no other writer"
        yield Figure(f"dynamodb_write_units_per_1000_{kind}", table.write_units, "units", note)
        yield Figure(f"dynamodb_read_units_per_1000_{kind}", table.read_units, "units", note)
        requests = table.requests.total()
        yield Figure(f"dynamodb_requests_per_1000_{kind}", requests, "requests", note)


def _forty_identities() -> list[UsageRecord]:
    return [
        usage_record(
            request_id=str(number),
            identity_arn=f"arn:aws:sts::111122223333:assumed-role/role-{number % 40}/session",
            model_id=f"model-{number % 6}",
            timestamp=NOON + timedelta(seconds=number * 0.3),
            tokens=TokenCounts(input=number, output=number * 7 % 911, cache_read=number * 3),
        )
        for number in range(1000)
    ]


def _chunks(records: list[UsageRecord]) -> list[object]:
    namer = DimensionNamer()
    return list(
        cut_into_chunks(
            (namer.meter(_ENRICHER.enrich(record)) for record in records), Detail.STANDARD
        )
    )


def _pipeline_cpu() -> Figure:
    """Measure the CPU from a packed delivery to an item, and from an item to data points."""
    messages = [json.dumps(log) for log in invocation_logs()]
    deliveries = [pack(messages[start : start + 100]) for start in range(0, len(messages), 100)]
    start = process_time()
    items = [
        to_item(reading, _RETENTION)
        for data in deliveries
        for part in Delivery.open(data)
        for reading in part.readings()
        if isinstance(reading, UsageRecord)
    ]
    _chunks([from_item(item) for item in items])
    micros = (process_time() - start) / len(items) * 1e6
    note = "base64 to ledger item, and ledger item to data points; without the calls of AWS"
    return Figure("pipeline_cpu_us_per_record", round(micros, 1), "us", note)


def _counting_cpu(records: list[UsageRecord]) -> Figure:
    """Measure the CPU from changes of a stream to the sums of exact counters."""
    counter = UsageCounter(
        read=lambda batch: cast("list[StreamedChange]", batch),
        store=InMemoryCounters(),
        books=EditionBooks(
            call_books().tags, AttributionRules(), Pricing(shipped_prices()), "shipped"
        ),
        sums=SumUp(get_spans(60)),
        deployment="stack",
    )
    calls = [record._replace(request_id=str(uuid.uuid4())) for record in records[:1000]]
    batch: Any = streamed([LedgerChange(record, None) for record in calls], NOON)
    start = process_time()
    outcome = counter.count(batch, "shard", NOON)
    micros = (process_time() - start) / outcome.counted * 1e6
    note = f"{outcome.counted} new calls of the demo's company in one batch, without calls of AWS"
    return Figure("counting_cpu_us_per_call", round(micros, 1), "us", note)
