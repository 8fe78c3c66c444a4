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
from lambdas.adapters.ssm_logging_memory import SsmLoggingMemory
from lambdas.domain.logging_configuration import (
    NO_MEMORY,
    DamagedMemoryError,
    ForeignConfigurationError,
    LoggingMemory,
)
from lambdas.domain.logging_configuration.ports import ConfigurationRefusedError
from lambdas.functions.logging_configurator import handler
from lambdas.services.configure_logging import ConfigureLogging

CONTEXT: Any = SimpleNamespace()
MEMORY = "/bedrock-meter/logging-memory"
FLAGS = {"text", "image", "embedding", "video", "audio"}


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MEMORY_PARAMETER", MEMORY)
    boto3.client("ssm").put_parameter(Name=MEMORY, Value=NO_MEMORY, Type="String")
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
    boto3.client("ssm").put_parameter(Name=MEMORY, Value=NO_MEMORY, Overwrite=True)
    request("Create", ExistingPolicy="replace")
    assert json.loads(boto3.client("ssm").get_parameter(Name=MEMORY)["Parameter"]["Value"])["found"]
    request("Delete")
    assert live() == audit


def test_what_cannot_be_put_back_is_told_in_full(caplog: pytest.LogCaptureFixture) -> None:
    found = {"s3Config": {"bucketName": "archive"}, "textDataDeliveryEnabled": True}
    bedrock: Any = Bedrock(refusal("no such role"))
    bedrock.get_model_invocation_logging_configuration = lambda: {"loggingConfig": WANTED}
    bedrock.delete_model_invocation_logging_configuration = lambda: None
    ssm = boto3.client("ssm")
    memory = LoggingMemory((WANTED,), found)
    ssm.put_parameter(Name=MEMORY, Value=memory.to_text(), Overwrite=True)
    configure = ConfigureLogging(BedrockLoggingApi(bedrock), SsmLoggingMemory(ssm, MEMORY))
    handler.respond({"RequestType": "Delete"}, configure)
    (warning,) = (vars(record) for record in caplog.records)
    assert warning["configuration"] == found
    assert "no such role" in warning["reason"]


def test_a_memory_that_somebody_else_wrote_over_stops_everything() -> None:
    boto3.client("ssm").put_parameter(Name=MEMORY, Value='{"written":', Overwrite=True)
    with pytest.raises(DamagedMemoryError, match="get-parameter-history"):
        request("Create")
    assert live() == {}


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


def test_a_bedrock_that_is_busy_is_no_refusal() -> None:
    busy = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "Put")
    bedrock: Any = Bedrock(busy)
    with pytest.raises(ClientError, match="slow down"):
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
