"""`logging_configurator`: from CloudFormation's request to Bedrock's configuration."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from pydantic import ValidationError

from lambdas.adapters.bedrock_logging_api import BedrockLoggingApi
from lambdas.domain.logging_configuration import ForeignConfigurationError
from lambdas.domain.logging_configuration.ports import ConfigurationRefusedError
from lambdas.functions.logging_configurator import handler

CONTEXT: Any = SimpleNamespace()
MEMORY = "/bedrock-meter/logging-memory"
FLAGS = {"text", "image", "embedding", "video", "audio"}


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MEMORY_PARAMETER", MEMORY)
    boto3.client("ssm").put_parameter(Name=MEMORY, Value="none yet", Type="String")
    yield
    handler.configure.cache_clear()


def request(request_type: str, **properties: str) -> str:
    named = {"LogGroupName": "meter", "RoleArn": "arn:aws:iam::123456789012:role/logging"}
    event = {"RequestType": request_type, "ResourceProperties": named | properties}
    physical_id: str = handler.lambda_handler(event, CONTEXT)["PhysicalResourceId"]
    return physical_id


def live() -> dict[str, Any]:
    response = boto3.client("bedrock").get_model_invocation_logging_configuration()
    return dict(response.get("loggingConfig") or {})


def test_logging_is_switched_on_with_every_flag_and_off_again() -> None:
    physical_id = request("Create")
    assert live()["cloudWatchConfig"]["logGroupName"] == "meter"
    assert {name: live()[name] for name in live() if name.endswith("Enabled")} == {
        f"{flag}DataDeliveryEnabled": False for flag in FLAGS
    }
    assert request("Update", LogGroupName="renamed", IsContentLogged="true") == physical_id
    assert live()["textDataDeliveryEnabled"] is True
    request("Delete")
    assert live() == {}


def test_somebody_elses_configuration_stays_untouched_by_default() -> None:
    foreign = {"s3Config": {"bucketName": "quarantine"}, "textDataDeliveryEnabled": True}
    boto3.client("bedrock").put_model_invocation_logging_configuration(
        loggingConfig=foreign  # type: ignore[arg-type]  # a part of a configuration
    )
    before = live()
    with pytest.raises(ForeignConfigurationError, match="bucket quarantine"):
        request("Create")
    request("Delete")
    assert live() == before


def test_a_replaced_configuration_comes_back() -> None:
    request("Create", LogGroupName="audit")
    audit = live()
    boto3.client("ssm").put_parameter(Name=MEMORY, Value="none yet", Overwrite=True)
    request("Create", ExistingPolicy="replace")
    assert json.loads(boto3.client("ssm").get_parameter(Name=MEMORY)["Parameter"]["Value"])["found"]
    request("Delete")
    assert live() == audit


def test_a_property_that_is_not_allowed_is_named() -> None:
    with pytest.raises(ValidationError, match="ExistingPolicy"):
        request("Create", ExistingPolicy="overwrite")


class Bedrock:
    """Refuses so many times, with these words; remembers what it took."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.taken: dict[str, Any] = {}

    def put_model_invocation_logging_configuration(self, *, loggingConfig: Any) -> None:  # noqa: N803
        if self.refusals:
            raise self.refusals.pop(0)
        self.taken = loggingConfig


def refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Put")


NOT_YET = "Failed to validate permissions for log group: meter"
WANTED = {f"{flag}DataDeliveryEnabled": False for flag in FLAGS}


def test_a_role_that_is_not_known_yet_is_waited_for() -> None:
    bedrock: Any = Bedrock(refusal(NOT_YET), refusal(NOT_YET))
    pauses: list[float] = []
    BedrockLoggingApi(bedrock, pauses.append).put(WANTED)
    assert bedrock.taken == WANTED
    assert pauses == [1, 2]


def test_a_role_that_never_works_is_given_up() -> None:
    bedrock: Any = Bedrock(*[refusal(NOT_YET)] * 100)
    with pytest.raises(ConfigurationRefusedError, match="validate permissions"):
        BedrockLoggingApi(bedrock, lambda _: None).put(WANTED)


def test_any_other_refusal_is_final() -> None:
    bedrock: Any = Bedrock(refusal("no such log group"), refusal("never asked again"))
    with pytest.raises(ConfigurationRefusedError, match="no such log group"):
        BedrockLoggingApi(bedrock, lambda _: None).put(WANTED)


@pytest.mark.parametrize(
    "error",
    [
        ParamValidationError(report="Unknown parameter: audioDataDeliveryEnabled"),
        refusal("audioDataDeliveryEnabled is not supported in this Region"),
    ],
)
def test_only_flags_that_are_not_known_are_left_out(error: Exception) -> None:
    bedrock: Any = Bedrock(error)
    BedrockLoggingApi(bedrock, lambda _: None).put(WANTED)
    assert WANTED.keys() - bedrock.taken.keys() == {"audioDataDeliveryEnabled"}
