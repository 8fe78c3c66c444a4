"""Lets CloudWatch evaluate queries, by GetMetricData."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

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
    """A series, whose values arrive in one page or several."""

    query_id: str
    label: str
    points: list[tuple[datetime, float]] = field(default_factory=list)
    status: str = _COMPLETE

    def add(self, part: Mapping[str, Any]) -> None:
        """Add the values of a page."""
        self.points += zip(part["Timestamps"], part["Values"], strict=True)
        self.status = part["StatusCode"]


class AccountEvaluator:
    """Evaluates queries in an account. CloudWatch bills each metric that they read."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Evaluate with a CloudWatch client."""
        self._client = client

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        """Evaluate queries as they are.

        Raises:
            UnknownExpressionError: There are more queries than CloudWatch takes at once.
            SourceError: CloudWatch refuses or fails, or its answer cannot be read.
        """
        if len(queries) > MAX_QUERIES:
            message = f"{len(queries)} queries: CloudWatch takes {MAX_QUERIES} at once"
            raise UnknownExpressionError(message)
        series: dict[str, list[Series]] = {
            query["Id"]: [] for query in queries if is_returned(query)
        }
        messages: list[str] = []
        for request in _requests(queries):
            with _readable_answers():
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

    def _get(self, queries: Sequence[Query], periods: Periods) -> tuple[list[_Result], list[str]]:
        """Get the results of one request, and the messages that come with them."""
        results: dict[tuple[str, str], list[_Result]] = {}
        messages: list[str] = []
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=cast("Sequence[MetricDataQueryTypeDef]", queries),
            StartTime=periods.start,
            EndTime=periods.end,
            ScanBy="TimestampAscending",
        )
        with plain_errors():
            for page in pages:
                messages += _read_messages(page)
                for part in page["MetricDataResults"]:
                    messages += _read_messages(part)
                _add_page(results, page["MetricDataResults"])
        return [result for named in results.values() for result in named], messages


@contextmanager
def _readable_answers() -> Iterator[None]:
    """Raise errors for answers that lack documented fields."""
    try:
        yield
    except (KeyError, ValueError) as error:
        message = "CloudWatch's answer cannot be read."
        raise SourceError(message) from error


def _read_messages(part: Mapping[str, Any]) -> list[str]:
    return [message["Value"] for message in part.get("Messages", []) if message.get("Value")]


def _add_page(
    results: dict[tuple[str, str], list[_Result]], parts: Iterable[Mapping[str, Any]]
) -> None:
    """Add the values of a page to their series, which only id, label and order identify.

    Raises:
        SourceError: The page has some series of a label and not all, so that nothing says which.
    """
    by_name: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for part in parts:
        by_name[part["Id"], part.get("Label", part["Id"])].append(part)
    for name, of_name in by_name.items():
        series = results.setdefault(name, [_Result(*name) for _ in of_name])
        if len(series) != len(of_name):
            message = f"CloudWatch returned several series labeled {name[1]}, and not all of them."
            raise SourceError(message)
        for result, part in zip(series, of_name, strict=True):
            result.add(part)


def _requests(queries: Sequence[Query]) -> Iterator[list[Query]]:
    """Split queries, since a request takes one Metrics Insights query beside others."""
    further = [query for query in queries if is_query(query.get("Expression", ""))][1:]
    yield [query for query in queries if query not in further]
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
