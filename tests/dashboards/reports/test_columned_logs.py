"""Metrics of logs, in any split, equal those of the calls that the ledger has."""

import json
import random
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cdk.config import Config
from dashboards.cloudwatch import Metric, Periods, Statistic
from dashboards.demo.company import invocation_logs
from dashboards.reports.columned_logs import ColumnedLogs, read_columned_logs
from dashboards.reports.commands import meter_files
from dashboards.reports.local_meter import open_local_meter
from dashboards.reports.log_metrics import LogMetrics
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.logs.log_parts import PART_BYTES
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.catalog import NAMESPACE, USAGE_METRICS
from tests.invocation_logs import as_lines, log, write

NOW = datetime(2027, 1, 1, tzinfo=UTC)
YEARS = Periods(NOW, 4 * 365 * 86_400, 1)
FIXTURE = Path(__file__).parents[2] / "fixtures" / "invocation-logs.ndjson"


def read(*paths: Path, part_bytes: int = PART_BYTES) -> ColumnedLogs:
    return read_columned_logs(find_log_files(paths), NOW, Config(), part_bytes)


def read_ledger(*paths: Path) -> LogMetrics:
    """Make metrics of the calls that the ledger has after all readings."""
    metrics = LogMetrics(NOW, Config())
    with open_local_meter() as meter:
        meter_files(meter, find_log_files(paths))
        metrics.apply([LedgerChange(record) for record in meter.ledger.in_order_of_time()])
    return metrics


def sum_up(metrics: LogMetrics) -> dict[Metric, float | None]:
    found = [
        metric
        for definition in USAGE_METRICS
        for metric in metrics.metrics(NAMESPACE, definition.name)
    ]
    sums = metrics.values(found, Statistic.SUM, YEARS)
    return {metric: value for metric, (value,) in sums.items()}


@pytest.mark.parametrize("part_bytes", [500, 5_000, PART_BYTES])
def test_metrics_equal_those_of_the_ledger(tmp_path: Path, part_bytes: int) -> None:
    generator = random.Random(7)  # noqa: S311
    records = list(invocation_logs())[:400]
    differing = [
        record | {"input": record["input"] | {"inputTokenCount": generator.randrange(9_000)}}
        for record in generator.sample(records, 50)
    ]
    mixed = [*records, *differing, *generator.sample(records, 100)]
    generator.shuffle(mixed)
    logs = write(tmp_path / "logs.ndjson", as_lines(*mixed[:300]))
    others = write(tmp_path / "others.ndjson", as_lines(*mixed[300:]))
    found = read(logs, others, FIXTURE, part_bytes=part_bytes)
    assert sum_up(found.metrics) == pytest.approx(sum_up(read_ledger(logs, others, FIXTURE)))
    assert found.report.accepted > found.calls > len(records)


def test_several_processes_read_the_same_as_one(tmp_path: Path) -> None:
    lines = [json.dumps(record).encode() for record in invocation_logs()]
    repeated = [
        line.replace(b'"requestId": "', b'"requestId": "%d' % (number % 7))
        for number in range(9)
        for line in lines
    ]
    logs = write(tmp_path / "logs.ndjson", b"\n".join(repeated))
    assert logs.stat().st_size > 2 * PART_BYTES  # which is more than one process reads alone
    found = read(logs)
    assert found.calls == 7 * len(lines)
    once = sum_up(read(write(tmp_path / "once.ndjson", b"\n".join(lines))).metrics)
    assert sum_up(found.metrics) == pytest.approx(
        {metric: 7 * (value or 0) for metric, value in once.items()}
    )


def test_messages_are_counted_by_outcome(tmp_path: Path) -> None:
    content = as_lines(log("1"), log("2"), log("2")) + b"no log\nPermissions are correctly set\n"
    found = read(write(tmp_path / "logs.ndjson", content))
    assert found.calls == 2
    assert (found.report.read, found.report.accepted) == (5, 3)
    assert found.report.rejected + found.report.ignored == 2


def test_calls_with_an_impossible_time_are_counted_apart(tmp_path: Path) -> None:
    future = [log(name, timestamp="2199-01-01T00:00:00Z") for name in ("2", "2", "3")]
    found = read(write(tmp_path / "logs.ndjson", as_lines(log("1"), *future)))
    assert (found.calls, found.left_out) == (1, 2)


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.ndjson.gz", as_lines(*(log(f"{n}") for n in range(2_000))))
    damaged = tmp_path / "damaged.ndjson.gz"
    damaged.write_bytes(whole.read_bytes()[:-300])
    found = read(damaged)
    text = zlib.decompressobj(31).decompress(damaged.read_bytes())
    assert 0 < found.calls == text.count(b"\n") < 2_000
    (problem,) = found.problems
    assert "damaged or cut off" in problem
