"""An account's Regions and asynchronous invocations are listed as AWS documents."""

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.adapters.aws_account_regions import AwsAccountRegions
from lambdas.adapters.bedrock.async_invocations import BedrockAsyncInvocations
from lambdas.domain.unmetered import AsyncInvocation, TrafficUnavailableError, traffic_window
from tests.builders import NOON

WINDOW = traffic_window(NOON + timedelta(minutes=20))
ENABLED = {"RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"]}
ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/p24qm5pye2qr"
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-reel-v1:1"


def client(service: str) -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(service, region_name="us-east-1", **keys)  # type: ignore[call-overload]


def test_enabled_regions_are_listed_from_all_pages() -> None:
    account = client("account")
    with Stubber(account) as stub:
        for token, names in (("more", ["us-east-1", "ap-south-1"]), (None, ["af-south-1"])):
            regions = [{"RegionName": name, "RegionOptStatus": "ENABLED"} for name in names]
            answer = {"Regions": regions, **({"NextToken": token} if token else {})}
            asked = ENABLED if token else {**ENABLED, "NextToken": "more"}
            stub.add_response("list_regions", answer, asked)
        found = AwsAccountRegions(account).list()
    assert found == ["af-south-1", "ap-south-1", "us-east-1"]


def test_regions_are_unknown_if_the_account_cannot_list_them() -> None:
    account = client("account")
    with Stubber(account) as stub:
        stub.add_client_error("list_regions", "AccessDeniedException")
        with pytest.raises(TrafficUnavailableError, match="AccessDeniedException"):
            AwsAccountRegions(account).list()


def test_invocations_are_listed_up_to_the_end_of_the_window_exclusive() -> None:
    bedrock = client("bedrock-runtime")
    asked = {
        "submitTimeAfter": WINDOW.start,
        "submitTimeBefore": WINDOW.end,
        "maxResults": 1000,
    }
    summaries = [
        {
            "invocationArn": ARN,
            "modelArn": MODEL,
            "submitTime": submitted_at,
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/key"}},
        }
        for submitted_at in (WINDOW.start, WINDOW.end)
    ]
    with Stubber(bedrock) as stub:
        stub.add_response("list_async_invokes", {"asyncInvokeSummaries": summaries}, asked)
        found = BedrockAsyncInvocations(bedrock).list(WINDOW)
    assert found == [AsyncInvocation(ARN, "amazon.nova-reel-v1:1", WINDOW.start)]


def test_invocations_are_unknown_if_bedrock_cannot_list_them() -> None:
    bedrock = client("bedrock-runtime")
    with Stubber(bedrock) as stub:
        stub.add_client_error("list_async_invokes", "ThrottlingException")
        with pytest.raises(TrafficUnavailableError, match="ThrottlingException"):
            BedrockAsyncInvocations(bedrock).list(WINDOW)
