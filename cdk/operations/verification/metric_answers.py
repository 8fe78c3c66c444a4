"""Reads metrics by GetMetricData, and can store queries with their answers for later replays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cdk.operations.verification.redaction import redact_values

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

PERIOD = 300
"""The length of periods, in seconds, where a graph asks for no other."""
_HOUR = 3600
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_MAX_QUERIES = 500


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """Queries, and CloudWatch's answers to them.

    Attributes:
        start: The beginning of the first period.
        end: The end of the last one.
        queries: As in CloudWatch's API.
        results: Likewise.
    """

    start: datetime
    end: datetime
    queries: Sequence[Mapping[str, Any]]
    results: Sequence[Mapping[str, Any]]


class MetricAnswers:
    """Asks CloudWatch for metrics.

    Attributes:
        folder: The folder to store answers in; `None` to store none.
    """

    def __init__(self, client: CloudWatchClient, folder: Path | None = None) -> None:
        """Ask with a client."""
        self._client = client
        self.folder = folder

    def read(
        self, namespace: str, name: str, dimensions: Mapping[str, str], stat: str, start: datetime
    ) -> list[float]:
        """Read the values of one metric since a time, the oldest first."""
        answer = self.ask([build_query("m1", namespace, name, dimensions, stat)], start)
        return [value for result in answer.results for value in result["Values"]]

    def ask(self, queries: Sequence[Mapping[str, Any]], start: datetime) -> MetricAnswer:
        """Ask queries, all of one period, from a time until now."""
        period = max(map(_get_period, queries))
        begin = _align(start, period)
        end = _align(datetime.now(UTC), period) + timedelta(seconds=period)
        results: dict[tuple[str, str], dict[str, Any]] = {}
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=cast("Sequence[MetricDataQueryTypeDef]", queries),
            StartTime=begin,
            EndTime=end,
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for part in page["MetricDataResults"]:
                empty = {**part, "Timestamps": [], "Values": []}
                result = results.setdefault((part["Id"], part.get("Label", "")), empty)
                result["Timestamps"] += part["Timestamps"]
                result["Values"] += part["Values"]
                result["StatusCode"] = part["StatusCode"]
        return MetricAnswer(begin, end, queries, list(results.values()))

    def ask_sums(self, namespace: str, start: datetime) -> list[MetricAnswer]:
        """Ask for the hourly sums of all metrics of a namespace, as SEARCH finds them."""
        pages = self._client.get_paginator("list_metrics").paginate(Namespace=namespace)
        queries = [
            build_query(
                f"m{number}",
                namespace,
                metric["MetricName"],
                {pair["Name"]: pair["Value"] for pair in metric["Dimensions"]},
                "Sum",
                period=_HOUR,
            )
            for number, metric in enumerate(metric for page in pages for metric in page["Metrics"])
        ]
        return [
            self.ask(queries[first : first + _MAX_QUERIES], start)
            for first in range(0, len(queries), _MAX_QUERIES)
        ]

    def store(self, name: str, answers: Sequence[MetricAnswer]) -> None:
        """Store answers in a file, without account ids and ARNs, if there is a folder."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(redact_values([asdict(answer) for answer in answers]), indent=1)
        (self.folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def build_query(
    query_id: str,
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    stat: str,
    *,
    period: int = PERIOD,
) -> dict[str, Any]:
    """Build the query of one metric."""
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": name,
                "Dimensions": [
                    {"Name": dimension, "Value": value} for dimension, value in dimensions.items()
                ],
            },
            "Period": period,
            "Stat": stat,
        },
    }


def _get_period(query: Mapping[str, Any]) -> int:
    return int(query["MetricStat"]["Period"] if "MetricStat" in query else query["Period"])


def _align(moment: datetime, period: int) -> datetime:
    """Return the beginning of a time's period."""
    return datetime.fromtimestamp(moment.timestamp() // period * period, UTC)
