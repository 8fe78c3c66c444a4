"""A Region's calls are read from Bedrock's metrics and from those of a meter there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from lambdas.adapters.cloudwatch.traffic_reader import CloudWatchTrafficReader
from lambdas.domain.unmetered import (
    RegionTraffic,
    TierCalls,
    TrafficUnavailableError,
    traffic_window,
)

WINDOW = traffic_window(datetime.now(UTC))
HOME, NORTH = "us-east-1", "eu-north-1"
BEDROCK, MANTLE, OWN = "AWS/Bedrock", "AWS/BedrockMantle", "BedrockMeter"


def reader() -> CloudWatchTrafficReader:
    return CloudWatchTrafficReader(
        HOME, lambda region: boto3.client("cloudwatch", region_name=region)
    )


def count(
    namespace: str,
    name: str,
    value: int,
    *,
    region: str = NORTH,
    at: datetime = WINDOW.start,
    **dimensions: str,
) -> None:
    datum: Any = {
        "MetricName": name,
        "Timestamp": at,
        "Value": value,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    client = boto3.client("cloudwatch", region_name=region)
    client.put_metric_data(Namespace=namespace, MetricData=[datum])


def test_calls_are_read_by_model_in_the_requested_region(aws: None) -> None:
    count(BEDROCK, "Invocations", 5, ModelId="a")
    count(BEDROCK, "Invocations", 4, ModelId="a", at=WINDOW.end - timedelta(minutes=1))
    count(BEDROCK, "Invocations", 5, ModelId="a", ServiceTier="x", ResolvedServiceTier="x")
    count(BEDROCK, "Invocations", 0, ModelId="idle")
    count(BEDROCK, "Invocations", 8, ModelId="elsewhere", region="eu-west-1")
    count(MANTLE, "Inferences", 3, Model="gpt")
    count(MANTLE, "Inferences", 3, Model="gpt", Project="default")
    assert reader().read_region(NORTH, WINDOW) == RegionTraffic(NORTH, {"a": 9}, {"gpt": 3})


def test_calls_of_other_hours_are_left_out(aws: None) -> None:
    for at in (WINDOW.start - timedelta(seconds=1), WINDOW.end):
        count(BEDROCK, "Invocations", 5, ModelId="a", at=at)
    assert reader().read_region(NORTH, WINDOW) == RegionTraffic(NORTH)


def test_calls_counted_by_a_deployment_in_the_region_include_failed_ones(aws: None) -> None:
    count(BEDROCK, "Invocations", 5, ModelId="a")
    count(OWN, "Invocations", 3)
    count(OWN, "InvocationErrors", 2)
    traffic = reader().read_region(NORTH, WINDOW)
    assert (traffic.metered_calls, traffic.unmetered_calls) == (5, 0)


def test_a_deployment_that_counted_no_calls_is_still_found(aws: None) -> None:
    count(MANTLE, "Inferences", 3, Model="gpt")
    count("BedrockMeter/Health", "CoverageShortfall", 0)
    assert reader().read_region(NORTH, WINDOW) == RegionTraffic(NORTH, {}, {"gpt": 3}, 0)


def test_calls_are_read_by_the_tier_that_served_them(aws: None) -> None:
    count(BEDROCK, "Invocations", 9, region=HOME, ModelId="a")
    for asked, served, calls in (
        ("priority", "priority", 4),
        ("default", "priority", 1),
        ("default", "default", 4),
    ):
        tiers: Any = {"ServiceTier": asked, "ResolvedServiceTier": served}
        count(BEDROCK, "Invocations", calls, region=HOME, ModelId="a", **tiers)
    rows = sorted(reader().read_tiers(WINDOW), key=lambda row: row.tier)
    assert rows == [TierCalls("a", "priority", 5)]


@pytest.mark.parametrize(("models", "named"), [(50, 50), (51, 1)])
def test_models_beyond_the_limit_are_read_as_one_sum(aws: None, models: int, named: int) -> None:
    """An application inference profile is free, and reading its metric is not.

    moto's metrics without dimensions are the sums of all others, as Bedrock's are.
    """
    for number in range(models):
        count(BEDROCK, "Invocations", 2, ModelId=f"profile-{number}")
        count(MANTLE, "Inferences", 3, Model=f"profile-{number}")
    traffic = reader().read_region(NORTH, WINDOW)
    assert [sum(traffic.calls.values()), len(traffic.calls)] == [2 * models, named]
    assert [sum(traffic.mantle_calls.values()), len(traffic.mantle_calls)] == [3 * models, named]
    assert traffic.unmetered_calls == 5 * models


class Broken:
    """A client of CloudWatch whose every request fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_paginator(self, _name: str) -> "Broken":
        return self

    def paginate(self, **_asked: Any) -> None:
        raise self.error


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "user x"}}, "ListMetrics")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DENIED, "AccessDenied"),
        (ConnectTimeoutError(endpoint_url="https://x"), "ConnectTimeoutError"),
    ],
)
def test_an_unreadable_region_is_reported_with_the_reason(error: Exception, reason: str) -> None:
    client: Any = Broken(error)
    broken = CloudWatchTrafficReader(HOME, lambda _: client)
    with pytest.raises(TrafficUnavailableError, match=f"^{reason}$"):
        broken.read_region(NORTH, WINDOW)
    with pytest.raises(TrafficUnavailableError, match=f"by service tier cannot be read: {reason}$"):
        broken.read_tiers(WINDOW)
