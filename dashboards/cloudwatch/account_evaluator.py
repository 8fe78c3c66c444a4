"""Lets CloudWatch evaluate queries, by GetMetricData."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, cast

from dashboards.cloudwatch.aws_errors import plain_errors
from dashboards.cloudwatch.insights import is_query
from dashboards.cloudwatch.queries import MAX_QUERIES, Evaluation, Query, is_returned
from dashboards.cloudwatch.series import (
    Periods,
    Series,
    SourceError,
    UnknownExpressionError,
    Value,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_COMPLETE, _PARTIAL = "Complete", "PartialData"


@dataclass(slots=True)
class _Result:
    """A series as it comes, in one page or several."""

    query_id: str
    label: str
    points: list[tuple[datetime, float]] = field(default_factory=list)
    status: str = _COMPLETE


class AccountEvaluator:
    """Evaluates queries in an account. CloudWatch bills each metric that they read."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Evaluate with a CloudWatch client."""
        self._client = client

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        """Evaluate queries as they are.

        Raises:
            UnknownExpressionError: There are more queries than CloudWatch takes at once.
            SourceError: CloudWatch refuses, fails, or answers for other periods.
        """
        if len(queries) > MAX_QUERIES:
            message = f"{len(queries)} queries: CloudWatch takes {MAX_QUERIES} at once"
            raise UnknownExpressionError(message)
        series: dict[str, list[Series]] = {it["Id"]: [] for it in queries if is_returned(it)}
        messages: list[str] = []
        for request in _requests(queries):
            results, of_request = self._get(request, periods)
            messages += of_request
            for result in results:
                if result.status == _PARTIAL:
                    messages.append(f"CloudWatch returned only a part of {result.label}.")
                elif result.status != _COMPLETE:
                    message = f"CloudWatch could not read {result.label} ({result.status})."
                    raise SourceError(message)
                values = _values(result.points, periods)
                series[result.query_id].append(Series(result.label, values))
        return Evaluation(series, tuple(dict.fromkeys(messages)))

    def _get(
        self, queries: Sequence[Query], periods: Periods
    ) -> tuple[Iterable[_Result], list[str]]:
        """Get the results of one request, and what CloudWatch says about them."""
        results: dict[tuple[str, str, int], _Result] = {}
        messages: list[str] = []
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=cast("Sequence[MetricDataQueryTypeDef]", queries),
            StartTime=periods.start,
            EndTime=periods.end,
            ScanBy="TimestampAscending",
        )
        with plain_errors():
            for page in pages:
                messages += [message["Value"] for message in page.get("Messages", [])]
                found: Counter[tuple[str, str]] = Counter()
                for part in page["MetricDataResults"]:
                    name = (part["Id"], part["Label"])
                    result = results.setdefault((*name, found[name]), _Result(*name))
                    found[name] += 1
                    result.points += zip(part["Timestamps"], part["Values"], strict=True)
                    result.status = part["StatusCode"]
                    messages += [message["Value"] for message in part.get("Messages", [])]
        return results.values(), messages


def _requests(queries: Sequence[Query]) -> Iterator[list[Query]]:
    """Split queries, since a request takes one Metrics Insights query beside others."""
    further = [it for it in queries if is_query(it.get("Expression", ""))][1:]
    yield [it for it in queries if it not in further]
    for query in further:
        yield [query]


def _values(points: Iterable[tuple[datetime, float]], periods: Periods) -> tuple[Value, ...]:
    values: list[Value] = [None] * periods.count
    for time, value in points:
        place = int((time - periods.start).total_seconds() // periods.seconds)
        if not 0 <= place < periods.count or values[place] is not None:
            message = "CloudWatch returned values of other periods than the graph has."
            raise SourceError(message)
        values[place] = value
    return tuple(values)
