"""Tags of profiles, roles and users as Bedrock and IAM tell them, and what they say instead."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from lambdas.adapters.aws_tag_source import AwsTagSource
from lambdas.domain.attribution.ports import FoundTags, TagsDeniedError, TagsUnavailableError
from tests.aws import REGION
from tests.builders import SONNET_4

ACCOUNT = "123456789012"  # moto's
PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/p24qm5pye2qr"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/chat"
USER = f"arn:aws:iam::{ACCOUNT}:user/ben"
MODELS = [f"arn:aws:bedrock:{region}::foundation-model/{SONNET_4}" for region in ("a", "b")]
ONE_TRY = Config(retries={"total_max_attempts": 1})


class Clients:
    """Clients that answer what tests tell them to, and nothing else."""

    def __init__(self) -> None:
        self.bedrock = boto3.client("bedrock", REGION, config=ONE_TRY)
        self.iam = boto3.client("iam", REGION, config=ONE_TRY)
        self.source = AwsTagSource(self.bedrock, self.iam, ACCOUNT)
        self.stubbed_bedrock = Stubber(self.bedrock)
        self.stubbed_iam = Stubber(self.iam)

    def answer_profile(self, models: list[str]) -> None:
        asked = {"inferenceProfileIdentifier": PROFILE}
        answer: dict[str, Any] = {
            "inferenceProfileName": "search",
            "inferenceProfileArn": PROFILE,
            "inferenceProfileId": "p24qm5pye2qr",
            "models": [{"modelArn": arn} for arn in models],
            "status": "ACTIVE",
            "type": "APPLICATION",
        }
        self.stubbed_bedrock.add_response("get_inference_profile", answer, asked)
        tags = {"tags": [{"key": "Project", "value": "search"}]}
        asked = {"resourceARN": PROFILE}
        self.stubbed_bedrock.add_response("list_tags_for_resource", tags, asked)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    clients = Clients()
    with clients.stubbed_bedrock, clients.stubbed_iam:
        yield clients
        clients.stubbed_bedrock.assert_no_pending_responses()
        clients.stubbed_iam.assert_no_pending_responses()


def test_a_profile_tells_its_tags_and_the_model_behind_it(clients: Clients) -> None:
    clients.answer_profile(MODELS)
    assert clients.source.find(PROFILE) == FoundTags([("Project", "search")], SONNET_4)


def test_a_profile_of_several_models_is_not_taken_for_one_of_them(clients: Clients) -> None:
    clients.answer_profile([MODELS[0], "arn:aws:bedrock:us-east-1::foundation-model/another"])
    assert clients.source.find(PROFILE).model_id is None


@pytest.mark.usefixtures("aws")
def test_roles_and_users_tell_their_tags_and_those_that_are_none_tell_nothing() -> None:
    iam = boto3.client("iam")
    tags: Any = [{"Key": "Project", "Value": "search"}, {"Key": "b", "Value": ""}]
    iam.create_role(RoleName="chat", AssumeRolePolicyDocument="{}", Path="/ops/", Tags=tags)
    iam.create_user(UserName="ben", Tags=tags[:1])
    iam.create_user(UserName="eva")
    source = AwsTagSource(boto3.client("bedrock"), iam, ACCOUNT)
    assert source.find(ROLE) == FoundTags([("Project", "search"), ("b", "")])
    assert source.find(USER) == FoundTags([("Project", "search")])
    assert source.find(f"arn:aws:iam::{ACCOUNT}:user/eva").tags == []
    for nobody in ("role/nobody", "user/nobody"):
        assert source.find(f"arn:aws:iam::{ACCOUNT}:{nobody}") == FoundTags()


def test_tags_on_several_pages_are_all_told(clients: Clients) -> None:
    first: dict[str, Any] = {"Tags": [{"Key": "a", "Value": "1"}], "IsTruncated": True}
    first["Marker"] = "next"
    last = {"Tags": [{"Key": "b", "Value": "2"}], "IsTruncated": False}
    clients.stubbed_iam.add_response("list_role_tags", first, {"RoleName": "chat"})
    asked = {"RoleName": "chat", "Marker": "next"}
    clients.stubbed_iam.add_response("list_role_tags", last, asked)
    assert clients.source.find(ROLE).tags == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::444455556666:role/chat",
        "arn:aws:iam::444455556666:user/ben",
        PROFILE.replace(ACCOUNT, "444455556666"),
        PROFILE.replace(REGION, "eu-central-1"),
    ],
)
def test_what_lies_in_another_account_or_region_is_not_asked_for(
    clients: Clients, arn: str
) -> None:
    assert clients.source.find(arn) == FoundTags()


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ROLE, "NoSuchEntity"),
        (USER, "ValidationError"),
        (PROFILE, "ResourceNotFoundException"),
        (PROFILE, "ValidationException"),
    ],
)
def test_a_resource_that_does_not_exist_has_no_tags(clients: Clients, arn: str, code: str) -> None:
    refuse(clients, arn, code)
    assert clients.source.find(arn) == FoundTags()


@pytest.mark.parametrize(
    ("arn", "code", "told"),
    [
        (ROLE, "AccessDenied", "iam:ListRoleTags is denied: allow it"),
        (USER, "AccessDenied", "iam:ListUserTags is denied: allow it"),
        (PROFILE, "AccessDeniedException", "bedrock:GetInferenceProfile is denied: allow it"),
    ],
)
def test_a_missing_permission_is_told_by_its_name(
    clients: Clients, arn: str, code: str, told: str
) -> None:
    refuse(clients, arn, code)
    with pytest.raises(TagsDeniedError, match=told):
        clients.source.find(arn)


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (ROLE, "Throttling"),
        (USER, "ServiceFailure"),
        (PROFILE, "ThrottlingException"),
        (PROFILE, "InternalServerException"),
        (ROLE, "ExpiredToken"),
    ],
)
def test_whatever_else_aws_says_is_no_answer_yet(clients: Clients, arn: str, code: str) -> None:
    refuse(clients, arn, code)
    with pytest.raises(TagsUnavailableError, match=f"failed: {code}"):
        clients.source.find(arn)


def test_a_service_that_does_not_answer_is_asked_again_later() -> None:
    class Unreachable:
        def get_paginator(self, _: str) -> Any:
            raise EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")

    iam: Any = Unreachable()
    source = AwsTagSource(boto3.client("bedrock", REGION), iam, ACCOUNT)
    with pytest.raises(TagsUnavailableError, match="iam does not answer: EndpointConnectionError"):
        source.find(ROLE)


def refuse(clients: Clients, arn: str, code: str) -> None:
    if arn == PROFILE:
        clients.stubbed_bedrock.add_client_error("get_inference_profile", code)
    else:
        operation = "list_role_tags" if arn == ROLE else "list_user_tags"
        clients.stubbed_iam.add_client_error(operation, code)
