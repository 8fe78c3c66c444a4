"""Reads metrics by GetMetricData, and can store queries with their answers for later replays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cdk.operations.verification.redaction import redact

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

PERIOD = 300


class MetricAnswers:
    """Asks CloudWatch for metrics.

    A stored file has the queries and CloudWatch's answers to them. Account ids and ARNs are
    replaced.
    """

    def __init__(self, client: CloudWatchClient, folder: Path | None = None) -> None:
        """Ask with a client; store answers in a folder if there is one."""
        self._client = client
        self._folder = folder

    def read(
        self, namespace: str, name: str, dimensions: Mapping[str, str], stat: str, start: datetime
    ) -> list[float]:
        """Read the values of one metric since a time, the oldest first."""
        (result,) = self.ask([build_query("m1", namespace, name, dimensions, stat)], start)
        return list(result["Values"])

    def ask(
        self, queries: Sequence[Mapping[str, Any]], start: datetime, store_as: str | None = None
    ) -> list[dict[str, Any]]:
        """Ask queries, and return their results.

        Args:
            queries: As in CloudWatch's API.
            start: The time of the first values.
            store_as: The name of the file to store the answer in.
        """
        begin = datetime.fromtimestamp(start.timestamp() // PERIOD * PERIOD, UTC)
        end = datetime.now(UTC) + timedelta(seconds=PERIOD)
        end = datetime.fromtimestamp(end.timestamp() // PERIOD * PERIOD, UTC)
        results: dict[str, dict[str, Any]] = {}
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=cast("Sequence[MetricDataQueryTypeDef]", queries),
            StartTime=begin,
            EndTime=end,
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for part in page["MetricDataResults"]:
                key = f"{part['Id']} {part.get('Label')}"
                known = results.setdefault(key, {**part, "Timestamps": [], "Values": []})
                known["Timestamps"] += part["Timestamps"]
                known["Values"] += part["Values"]
                known["StatusCode"] = part["StatusCode"]
        answer = list(results.values())
        if self._folder is not None and store_as is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            document = {"start": begin, "end": end, "queries": queries, "results": answer}
            text = json.dumps(document, indent=1, default=_write_time)
            (self._folder / f"{store_as}.json").write_text(redact(text) + "\n")
        return answer


def build_query(
    query_id: str, namespace: str, name: str, dimensions: Mapping[str, str], stat: str
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
            "Period": PERIOD,
            "Stat": stat,
        },
    }


def _write_time(value: object) -> str:
    """Write a time; other values are JSON already."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
