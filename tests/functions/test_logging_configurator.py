"""`logging_configurator`: from CloudFormation's request to Bedrock's configuration."""

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto.cloudformation.models import cloudformation_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from pydantic import ValidationError

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.domain.ledger.state_table import LOGGING_STATE_KEY
from lambdas.domain.logging_configuration import (
    NO_STATE,
    DamagedStateError,
    ForeignConfigurationError,
    LoggingState,
    NotDeployingError,
    VerifiedState,
)
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    StateUnavailableError,
)
from lambdas.functions.logging_configurator import handler
from lambdas.services.configure_logging import LoggingConfigurator
from tests.aws import REGION, STATE, clear_caches, deploy_stack, lambda_context
from tests.fakes import InMemoryStateCopy, InMemoryStateStore

CONTEXT = lambda_context()
LOGGING_STATE = "/bedrock-meter/logging-memory"
FLAGS = {"text", "image", "embedding", "video", "audio"}


STATUSES = {
    "Create": "CREATE_IN_PROGRESS",
    "Update": "UPDATE_IN_PROGRESS",
    "Delete": "DELETE_IN_PROGRESS",
}
SETTINGS = {
    "LOGGING_STATE_PARAMETER": LOGGING_STATE,
    "STATE_TABLE": STATE,
    "LOG_GROUP": "meter",
    "ROLE_ARN": "arn:aws:iam::123456789012:role/logging",
    "IS_CONTENT_LOGGED": "false",
    "EXISTING_POLICY": "refuse",
    "METERED_LOG_GROUP": "meter",
}


class Function:
    """The function as deployed, with its stack in some status."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.environment = monkeypatch
        self.stack_id = deploy_stack()
        self.configure(STACK_ID=self.stack_id, **SETTINGS)

    def configure(self, **variables: str) -> None:
        """Change environment variables, as a deployment does before it calls the function."""
        for name, value in variables.items():
            self.environment.setenv(name, value)
        clear_caches()

    def set_status(self, status: str) -> None:
        cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION].stacks[self.stack_id].status = status

    def request(self, request_type: str, status: str | None = None, **properties: str) -> str:
        """Send a request while the stack is in a status, by default a matching one."""
        self.set_status(status or STATUSES[request_type])
        event = {"RequestType": request_type, "ResourceProperties": properties}
        physical_id: str = handler.lambda_handler(event, CONTEXT)["PhysicalResourceId"]
        return physical_id


@pytest.fixture(autouse=True)
def function(aws: None, monkeypatch: pytest.MonkeyPatch) -> Function:
    boto3.client("ssm").put_parameter(Name=LOGGING_STATE, Value=NO_STATE, Type="String")
    return Function(monkeypatch)


def save(text: str) -> None:
    boto3.client("ssm").put_parameter(Name=LOGGING_STATE, Value=text, Overwrite=True)


def load_state() -> LoggingState:
    value = boto3.client("ssm").get_parameter(Name=LOGGING_STATE)["Parameter"]["Value"]
    return LoggingState.from_text(value)


def live() -> dict[str, Any]:
    response = boto3.client("bedrock").get_model_invocation_logging_configuration()
    return dict(response.get("loggingConfig") or {})


def put(configuration: dict[str, Any]) -> dict[str, Any]:
    boto3.client("bedrock").put_model_invocation_logging_configuration(
        loggingConfig=configuration  # type: ignore[arg-type]  # a part of a configuration
    )
    return live()


def test_logging_is_switched_on_with_every_flag_and_removed_again(function: Function) -> None:
    physical_id = function.request("Create")
    assert live()["cloudWatchConfig"]["logGroupName"] == "meter"
    assert {name: live()[name] for name in live() if name.endswith("Enabled")} == {
        f"{flag}DataDeliveryEnabled": False for flag in FLAGS
    }
    function.configure(LOG_GROUP="renamed", IS_CONTENT_LOGGED="true")
    assert function.request("Update") == physical_id
    assert live()["textDataDeliveryEnabled"] is True
    function.request("Delete")
    assert live() == {}


def test_a_foreign_configuration_stays_unchanged_by_default(function: Function) -> None:
    before = put({"s3Config": {"bucketName": "quarantine"}, "textDataDeliveryEnabled": True})
    with pytest.raises(ForeignConfigurationError, match="bucket quarantine"):
        function.request("Create")
    function.request("Delete", "ROLLBACK_IN_PROGRESS")
    assert live() == before


AUDIT = {"cloudWatchConfig": {"logGroupName": "audit", "roleArn": SETTINGS["ROLE_ARN"]}}


def test_a_replaced_configuration_is_restored(function: Function) -> None:
    audit = put(AUDIT)
    function.configure(EXISTING_POLICY="replace")
    function.request("Create")
    assert load_state().found == audit
    function.request("Delete")
    assert live() == audit


def test_an_adopted_configuration_must_use_the_metered_log_group(function: Function) -> None:
    audit = put(AUDIT)
    function.configure(EXISTING_POLICY="adopt", METERED_LOG_GROUP="other")
    with pytest.raises(ForeignConfigurationError, match="audit, but adopted_log_group is other"):
        function.request("Create")
    function.configure(METERED_LOG_GROUP="audit")
    function.request("Create")
    assert load_state() == LoggingState(adopted="audit")
    assert live() == audit


def test_request_properties_change_nothing(function: Function) -> None:
    """Invoking the function is not enough to switch prompts on, even during a deployment."""
    function.request("Create")
    before = live()
    planted = {"LogGroupName": "attacker", "IsContentLogged": "true", "ExistingPolicy": "replace"}
    function.request("Update", **planted)
    assert live() == before


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE"])
def test_a_request_outside_a_deployment_is_refused(
    function: Function, request_type: str, status: str
) -> None:
    function.request("Create")
    before = live()
    with pytest.raises(NotDeployingError, match=status):
        function.request(request_type, status, IsContentLogged="true")
    assert live() == before


def test_logging_cannot_be_deleted_while_the_stack_is_updated(function: Function) -> None:
    function.request("Create")
    with pytest.raises(NotDeployingError, match="UPDATE_IN_PROGRESS"):
        function.request("Delete", "UPDATE_IN_PROGRESS")
    assert live() != {}


PLANTED = LoggingState(found={"s3Config": {"bucketName": "attacker-bucket"}})


def test_a_planted_configuration_is_not_restored(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    function.request("Create")
    save(replace(load_state(), found=PLANTED.found).to_text())
    function.request("Delete")
    assert live() == {}
    (warning,) = (vars(record) for record in caplog.records)
    assert "bucket attacker-bucket" in warning["reason"]
    assert warning["configuration"] is None


@pytest.mark.parametrize("damage", ["{", None])
def test_a_damaged_logging_state_does_not_block_deletion(
    function: Function, damage: str | None
) -> None:
    function.request("Create")
    if damage is None:
        boto3.client("ssm").delete_parameter(Name=LOGGING_STATE)
    else:
        save(damage)
    function.request("Delete")
    assert live() == {}


@pytest.mark.parametrize("changed", [PLANTED.to_text(), "{"])
def test_an_update_stopped_by_a_changed_logging_state_can_be_rolled_back(
    function: Function, changed: str
) -> None:
    function.request("Create")
    before = live()
    save(changed)
    function.configure(IS_CONTENT_LOGGED="true")
    with pytest.raises(DamagedStateError, match="get-parameter-history"):
        function.request("Update")
    function.configure(IS_CONTENT_LOGGED="false")
    function.request("Update", "UPDATE_ROLLBACK_IN_PROGRESS")
    assert live() == before


def test_an_update_takes_over_the_logging_state_of_the_previous_version(function: Function) -> None:
    """The last version had no copy in the state table."""
    audit = put(AUDIT)
    function.configure(EXISTING_POLICY="replace")
    function.request("Create")
    boto3.client("dynamodb").delete_item(TableName=STATE, Key={"pk": {"S": LOGGING_STATE_KEY}})
    function.request("Update")
    function.request("Delete")
    assert live() == audit


def test_a_missing_state_table_does_not_block_deletion(
    function: Function,
) -> None:
    function.request("Create")
    boto3.client("dynamodb").delete_table(TableName=STATE)
    function.request("Delete")
    assert live() == {}


def test_a_deployment_without_a_state_copy_is_refused(function: Function) -> None:
    boto3.client("dynamodb").delete_table(TableName=STATE)
    with pytest.raises(StateUnavailableError, match="ResourceNotFound"):
        function.request("Create")
    assert live() == {}


def test_a_configuration_that_cannot_be_restored_is_logged_in_full(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = {"s3Config": {"bucketName": "archive"}, "textDataDeliveryEnabled": True}
    bedrock: Any = Bedrock(refusal("no such role"))
    bedrock.get_model_invocation_logging_configuration = lambda: {"loggingConfig": WANTED}
    bedrock.delete_model_invocation_logging_configuration = lambda: None
    logging_state = VerifiedState(InMemoryStateStore(), InMemoryStateCopy())
    logging_state.save(LoggingState((WANTED,), found), replaced=LoggingState())
    configurator = LoggingConfigurator(BedrockLoggingApi(bedrock), logging_state)
    resource = replace(handler.resource(), configurator=configurator)
    replace(resource, read_stack_status=lambda: STATUSES["Delete"]).respond("Delete")
    (warning,) = (vars(record) for record in caplog.records)
    assert warning["configuration"] == found
    assert "no such role" in warning["reason"]


def test_an_overwritten_logging_state_stops_everything(function: Function) -> None:
    save('{"written":')
    with pytest.raises(DamagedStateError, match="get-parameter-history"):
        function.request("Create")
    assert live() == {}


def test_an_invalid_setting_is_named(function: Function) -> None:
    function.configure(EXISTING_POLICY="overwrite")
    with pytest.raises(ValidationError, match="existing_policy"):
        function.request("Create")


class Bedrock:
    """Refuses with these errors first; records the accepted configurations."""

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


def test_a_role_not_yet_visible_to_bedrock_is_retried() -> None:
    bedrock: Any = Bedrock(refusal(NOT_YET), refusal(NOT_YET))
    pauses: list[float] = []
    BedrockLoggingApi(bedrock, pauses.append).put(WANTED)
    assert bedrock.taken == WANTED
    assert pauses == [1, 2]


def test_a_role_that_never_works_ends_the_retries() -> None:
    bedrock: Any = Bedrock(*[refusal(NOT_YET)] * 100)
    with pytest.raises(ConfigurationRefusedError, match="validate permissions"):
        BedrockLoggingApi(bedrock, lambda _: None).put(WANTED)


def test_any_other_refusal_is_not_retried() -> None:
    bedrock: Any = Bedrock(refusal("no such log group"), refusal("never asked again"))
    with pytest.raises(ConfigurationRefusedError, match="no such log group"):
        BedrockLoggingApi(bedrock, lambda _: None).put(WANTED)


def test_a_busy_bedrock_is_not_a_refusal() -> None:
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
def test_only_unknown_flags_are_left_out(error: Exception) -> None:
    bedrock: Any = Bedrock(error)
    BedrockLoggingApi(bedrock, lambda _: None).put(WANTED)
    assert WANTED.keys() - bedrock.taken.keys() == {"audioDataDeliveryEnabled"}
