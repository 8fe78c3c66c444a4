"""The contract of every metric reader, run on each of them, and CloudWatch's own behavior."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import boto3
import pytest

from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.domain.completeness import AuditWindow, MetricReader, MetricReadError
from lambdas.domain.completeness.forged_series import SeriesReader
from tests.fakes import InMemoryMetrics

# CloudWatch accepts and keeps only recent data.
WINDOW = AuditWindow.at(datetime.now(UTC))
NAMESPACE = "AWS/Bedrock"


class Metrics(MetricReader, SeriesReader, Protocol):
    """A reader and its source."""

    def add(
        self, namespace: str, name: str, at: datetime, value: int = 1, model: str | None = None
    ) -> None: ...


class CloudWatch(CloudWatchMetricReader):
    """CloudWatch in memory."""

    def __init__(self) -> None:
        self.client = boto3.client("cloudwatch")
        super().__init__(self.client)

    def add(
        self, namespace: str, name: str, at: datetime, value: int = 1, model: str | None = None
    ) -> None:
        dimensions = [] if model is None else [{"Name": "ModelId", "Value": model}]
        self.put(namespace, name, at, value, dimensions)

    def put(
        self, namespace: str, name: str, at: datetime, value: int, dimensions: list[dict[str, str]]
    ) -> None:
        datum: Any = {
            "MetricName": name,
            "Timestamp": at,
            "Value": value,
            "Dimensions": dimensions,
        }
        self.client.put_metric_data(Namespace=namespace, MetricData=[datum])


@pytest.fixture(params=["in memory", "cloudwatch"])
def metrics(request: pytest.FixtureRequest) -> Iterator[Metrics]:
    if request.param == "in memory":
        yield InMemoryMetrics()
        return
    request.getfixturevalue("aws")
    yield CloudWatch()


def test_sums_cover_only_the_window(metrics: Metrics) -> None:
    for at in (WINDOW.start - timedelta(seconds=1), WINDOW.end):
        metrics.add(NAMESPACE, "Invocations", at, 1_000, "a")
    for at in (WINDOW.start, WINDOW.end - timedelta(seconds=1)):
        metrics.add(NAMESPACE, "Invocations", at, 7, "a")
    assert metrics.sum_by_model(NAMESPACE, ["Invocations"], WINDOW) == {"a": {"Invocations": 14}}


def test_the_lowest_value_of_each_series_is_read(metrics: Metrics) -> None:
    for model, values in {"a": (5, -7, 3), "b": (4,)}.items():
        for minute, value in enumerate(values):
            at = WINDOW.start + timedelta(minutes=minute)
            metrics.add(NAMESPACE, "QuotaTokens", at, value, model)
    metrics.add(NAMESPACE, "QuotaTokens", WINDOW.start, -9)  # of no model
    assert metrics.lowest_values(NAMESPACE, "QuotaTokens", "ModelId", WINDOW, at_most=9) == {
        "a": -7,
        "b": 4,
    }
    some = metrics.lowest_values(NAMESPACE, "QuotaTokens", "ModelId", WINDOW, at_most=1)
    assert len(some) == 1


def test_models_are_counted_without_reading_their_sums(metrics: Metrics) -> None:
    for model in ("a", "b", "b"):
        metrics.add(NAMESPACE, "Invocations", WINDOW.start, 7, model)
    metrics.add(NAMESPACE, "Invocations", WINDOW.start, 14)
    metrics.add(NAMESPACE, "InputTokenCount", WINDOW.start, 7, "c")
    assert metrics.count_models(NAMESPACE, "Invocations") == 2
    assert metrics.count_models(NAMESPACE, "OutputTokenCount") == 0


def test_models_are_listed_up_to_a_limit(metrics: Metrics) -> None:
    for model in ("a", "b", "b", "c"):
        metrics.add(NAMESPACE, "Invocations", WINDOW.start, 7, model)
    metrics.add(NAMESPACE, "Invocations", WINDOW.start, 14)
    assert set(metrics.list_models(NAMESPACE, "Invocations", 4)) == {"a", "b", "c"}
    assert len(metrics.list_models(NAMESPACE, "Invocations", 2)) == 2


def test_only_metrics_of_the_named_models_are_read(metrics: Metrics) -> None:
    for model in ("a", "b"):
        metrics.add(NAMESPACE, "Invocations", WINDOW.start, 7, model)
        metrics.add(NAMESPACE, "InputTokenCount", WINDOW.start, 70, model)
    named = {"Invocations": ["a", "absent"], "InputTokenCount": ["b"]}
    assert metrics.sum_models(NAMESPACE, named, WINDOW) == {
        "a": {"Invocations": 7},
        "b": {"InputTokenCount": 70},
    }
    assert metrics.sum_models(NAMESPACE, {}, WINDOW) == {}


def test_sums_are_grouped_by_model_and_metric_name(metrics: Metrics) -> None:
    metrics.add(NAMESPACE, "Invocations", WINDOW.start, 1, "a")
    metrics.add(NAMESPACE, "InputTokenCount", WINDOW.start, 20, "a")
    metrics.add(NAMESPACE, "Invocations", WINDOW.start, 3, "b")
    metrics.add(NAMESPACE, "NotAskedFor", WINDOW.start, 4, "b")
    found = metrics.sum_by_model(NAMESPACE, ["Invocations", "InputTokenCount"], WINDOW)
    assert found == {"a": {"Invocations": 1, "InputTokenCount": 20}, "b": {"Invocations": 3}}


def test_a_series_without_data_in_the_window_has_no_entry(metrics: Metrics) -> None:
    metrics.add(NAMESPACE, "Invocations", WINDOW.end, 1, "a")
    assert metrics.sum_by_model(NAMESPACE, ["Invocations"], WINDOW) == {}
    assert metrics.sum_account(NAMESPACE, ["Invocations"], WINDOW) == {}


def test_a_sum_of_zero_differs_from_no_data(metrics: Metrics) -> None:
    metrics.add(NAMESPACE, "Invocations", WINDOW.start, 0, "a")
    assert metrics.sum_by_model(NAMESPACE, ["Invocations"], WINDOW) == {"a": {"Invocations": 0}}


def test_account_sums_cover_one_namespace_without_dimensions() -> None:
    """Test only the twin: moto sums over all namespaces, and over all dimensions by default."""
    metrics = InMemoryMetrics()
    metrics.add("Other", "Inferences", WINDOW.start, 5)
    metrics.add(NAMESPACE, "Inferences", WINDOW.start, 3)
    metrics.add(NAMESPACE, "Inferences", WINDOW.start, 3, "a")
    assert metrics.sum_account(NAMESPACE, ["Inferences", "Other"], WINDOW) == {"Inferences": 3}


def test_account_sums_are_requested_by_metric_name(aws: None) -> None:
    metrics = CloudWatch()
    metrics.add(NAMESPACE, "Inferences", WINDOW.start, 3)
    assert metrics.sum_account(NAMESPACE, ["Inferences", "Other"], WINDOW) == {"Inferences": 3}


def test_series_by_tier_or_caller_do_not_count_a_model_twice(aws: None) -> None:
    metrics = CloudWatch()
    model = {"Name": "ModelId", "Value": "a"}
    metrics.add(NAMESPACE, "Invocations", WINDOW.start, 5, "a")
    for name in ("ServiceTier", "IdentityArn"):
        more = [model, {"Name": name, "Value": "x"}]
        metrics.put(NAMESPACE, "Invocations", WINDOW.start, 5, more)
    assert metrics.sum_by_model(NAMESPACE, ["Invocations"], WINDOW) == {"a": {"Invocations": 5}}


def test_models_beyond_one_page_or_request_are_read(aws: None) -> None:
    """500 of them, both."""
    metrics = CloudWatch()
    for number in range(501):
        metrics.add(NAMESPACE, "Invocations", WINDOW.start, 2, f"model-{number:03}")
    found = metrics.sum_by_model(NAMESPACE, ["Invocations"], WINDOW)
    assert len(found) == 501
    assert {sums["Invocations"] for sums in found.values()} == {2}


class Pages:
    """A client that answers one request in several pages."""

    def __init__(self, *results: tuple[str, list[float]]) -> None:
        self.pages = [
            {"MetricDataResults": [{"Id": "m0", "StatusCode": status, "Values": values}]}
            for status, values in results
        ]
        self.asked: dict[str, Any] = {}

    def get_paginator(self, name: str) -> "Pages":
        assert name == "get_metric_data"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return self.pages


def test_values_across_pages_are_added_up() -> None:
    client: Any = Pages(("PartialData", [1.0, 2.0]), ("Complete", [4.0]))
    reader = CloudWatchMetricReader(client)
    assert reader.sum_account(NAMESPACE, ["Inferences"], WINDOW) == {"Inferences": 7}
    (query,) = client.asked["MetricDataQueries"]
    assert (query["MetricStat"]["Period"], query["MetricStat"]["Stat"]) == (300, "Sum")
    assert query["MetricStat"]["Metric"] == {
        "Namespace": NAMESPACE,
        "MetricName": "Inferences",
        "Dimensions": [],
    }
    assert (client.asked["StartTime"], client.asked["EndTime"]) == (WINDOW.start, WINDOW.end)


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_partial_data_fails_an_audit(status: str) -> None:
    client: Any = Pages((status, [1.0]))
    with pytest.raises(MetricReadError, match="1 of 1 metrics in AWS/Bedrock"):
        CloudWatchMetricReader(client).sum_account(NAMESPACE, ["Inferences"], WINDOW)
