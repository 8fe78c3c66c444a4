"""The gateway finds models behind profiles in the meter's state, with clients that give up soon."""

import logging

import boto3
import pytest

from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.domain.attribution import TagHistory
from lambdas.domain.attribution.ports import TagEntry
from lambdas.functions.gateway.settings import Settings
from lambdas.wiring.client_timeouts import ONCE
from lambdas.wiring.gateway_models import LazyModels
from tests.aws import STATE, client_configs
from tests.builders import NOON, SONNET_4
from tests.gateway import MODEL, REGION

PROFILE = f"arn:aws:bedrock:{REGION}:123456789012:application-inference-profile/p24qm5pye2qr"


def make_settings(state_table: str = STATE, partition: str = "aws") -> Settings:
    return Settings.from_environment(
        {
            "GOVERNANCE_TABLE": "Governance",
            "LIMITS_TABLE": "Limits",
            "CALLER_ROLE_ARN": f"arn:{partition}:iam::123456789012:role/callers",
            "REGION": REGION,
            "STATE_TABLE": state_table,
        }
    )


def test_a_model_that_the_meter_has_stored_is_found(aws: None) -> None:
    entry = TagEntry(TagHistory(model_id=SONNET_4, is_global=True), NOON)
    DynamoDbTagCache(boto3.client("dynamodb"), STATE).save(PROFILE, entry, None)
    assert LazyModels(make_settings()).find(PROFILE, NOON) == f"global.{SONNET_4}"


def test_a_model_that_no_one_knows_is_logged(
    aws: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", "http://127.0.0.1:1")
    with caplog.at_level(logging.WARNING):
        assert LazyModels(make_settings("missing")).find(PROFILE, NOON) == PROFILE
    (logged,) = caplog.records
    assert logged.message == "The model behind a profile is not known"
    reason = vars(logged)["reason"]
    assert reason.startswith("dynamodb:GetItem failed: ResourceNotFoundException; bedrock does not")


def test_other_calls_make_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    models = LazyModels(make_settings())
    assert not client_configs(lambda: models.find(MODEL, NOON), monkeypatch)


@pytest.mark.parametrize("state_table", [STATE, ""])
def test_clients_give_up_soon(monkeypatch: pytest.MonkeyPatch, state_table: str) -> None:
    def make() -> None:
        with pytest.raises(AttributeError):  # there is no client
            LazyModels(make_settings(state_table)).find(PROFILE, NOON)

    expected = {"bedrock": ONCE} | ({"dynamodb": ONCE} if state_table else {})
    assert client_configs(make, monkeypatch) == expected


def test_profiles_are_those_of_the_account_and_partition_of_the_callers() -> None:
    arn = make_settings(partition="aws-us-gov").profiles_arn
    assert arn == f"arn:aws-us-gov:bedrock:{REGION}:123456789012:application-inference-profile/"
