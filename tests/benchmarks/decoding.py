"""The cost of reading a delivery, next to the cost of only parsing it as JSON."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import process_time

from dashboards.demo.company import invocation_logs
from lambdas.domain.invocations import UsageRecord, read_envelope, unpack
from tests.benchmarks.figure import Figure
from tests.log_deliveries import pack

_SAMPLES = Path(__file__).parents[1] / "fixtures" / "invocation-logs.ndjson"
_RECORDS_PER_DELIVERY = 100
_ROUNDS = 15


def figures() -> Iterator[Figure]:
    """Measure deliveries without and with bodies."""
    metadata_only = [json.dumps(log) for log in invocation_logs()]
    yield _ratio("decode_cpu_over_json_loads", metadata_only, "without bodies")
    samples = _SAMPLES.read_text().splitlines()
    yield _ratio("decode_cpu_over_json_loads_with_bodies", samples * 20, "as in the samples")


def _ratio(name: str, messages: list[str], kind: str) -> Figure:
    deliveries = [
        pack(messages[start : start + _RECORDS_PER_DELIVERY])
        for start in range(0, len(messages), _RECORDS_PER_DELIVERY)
    ]
    pairs = [(_cpu(_read, deliveries), _cpu(_parse, deliveries)) for _ in range(_ROUNDS)]
    ratio = median(ours / plain for ours, plain in pairs)
    micros = min(ours for ours, _ in pairs) / len(messages) * 1e6
    note = (
        f"base64 to UsageRecord over base64 + gunzip + json.loads; {len(messages)} records {kind};"
        f" median of {_ROUNDS} pairs; {micros:.1f} us a record at best"
    )
    return Figure(name, round(ratio, 2), "ratio", note)


def _cpu(work: Callable[[str], object], deliveries: list[str]) -> float:
    start = process_time()
    for delivery in deliveries:
        work(delivery)
    return process_time() - start


def _read(delivery: str) -> list[UsageRecord]:
    envelope = unpack(delivery)
    if not isinstance(envelope, dict):
        raise TypeError
    return [reading for reading in read_envelope(envelope) if isinstance(reading, UsageRecord)]


def _parse(delivery: str) -> list[object]:
    envelope = json.loads(zlib.decompress(base64.b64decode(delivery), wbits=47))
    return [json.loads(event["message"]) for event in envelope["logEvents"]]
