"""Requests to CloudWatch stay within its limits, whichever protocol boto3 chooses."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.serialize import create_serializer

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.chunks import (
    MAX_CALL_BYTES,
    MAX_CALL_DATA_POINTS,
    cut_into_chunks,
)
from tests.builders import NOON, metered, usage_record

ROLE = "arn:aws:sts::111122223333:assumed-role/a-role-with-quite-a-long-name"
SCATTERED = [
    usage_record(identity_arn=f"{ROLE}/{number}", timestamp=NOON + timedelta(minutes=number))
    for number in range(300)
]
ALL_DIFFERENT = [
    usage_record(
        identity_arn=f"{ROLE}/{number % 3}",
        tokens=TokenCounts(*(10**8 + number * step for step in (1, 3, 5, 7))),
    )
    for number in range(1000)
]
LONG_NAMES = [usage_record(identity_arn=f"{number}{':' * 2000}") for number in range(300)]


class Wire:
    """Records request parameters in place of CloudWatch."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def put_metric_data(self, **parameters: Any) -> None:
        self.calls.append(parameters)


@pytest.mark.parametrize("protocol", ["query", "json", "smithy-rpc-v2-cbor"])
@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("records", [SCATTERED, ALL_DIFFERENT, LONG_NAMES])
def test_no_request_exceeds_the_cloudwatch_limit(
    records: list[UsageRecord], detail: Detail, protocol: str
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
    wire: Any = Wire()
    for chunk in cut_into_chunks(map(metered, records), detail):
        CloudWatchMetricSink(wire).send(chunk.data_points)
    model = boto3.client("cloudwatch", region_name="us-east-1").meta.service_model
    operation = model.operation_model("PutMetricData")
    for parameters in wire.calls:
        assert len(parameters["MetricData"]) <= MAX_CALL_DATA_POINTS
        body = create_serializer(protocol).serialize_to_request(parameters, operation)["body"]
        sent = urlencode(body) if isinstance(body, dict) else body
        assert len(sent) <= MAX_CALL_BYTES
        for datum in parameters["MetricData"]:
            assert len(datum["Dimensions"]) <= 30
            assert len(datum.get("Values", [])) <= 150
