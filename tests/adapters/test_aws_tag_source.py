"""Tags of profiles, roles and users as Bedrock and IAM return them, and the errors they raise."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from lambdas.adapters.aws_tag_source import AwsTagSource
from lambdas.domain.attribution.ports import FoundTags, TagSourceBusyError, TagsUnavailableError
from tests.aws import REGION
from tests.builders import SONNET_4

ACCOUNT = "123456789012"  # moto's
PROFILE = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/p24qm5pye2qr"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/chat"
USER = f"arn:aws:iam::{ACCOUNT}:user/ben"
MODELS = [f"arn:aws:bedrock:{region}::foundation-model/{SONNET_4}" for region in ("a", "b")]
ONE_TRY = Config(retries={"total_max_attempts": 1})


class Clients:
    """Clients with stubbed answers only."""

    def __init__(self) -> None:
        self.bedrock = boto3.client("bedrock", REGION, config=ONE_TRY)
        self.iam = boto3.client("iam", REGION, config=ONE_TRY)
        self.source = AwsTagSource(self.bedrock, self.iam, ACCOUNT)
        self.stubbed_bedrock = Stubber(self.bedrock)
        self.stubbed_iam = Stubber(self.iam)

    def answer_model(self, models: list[str]) -> None:
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

    def answer_tags(self) -> None:
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


def test_a_profile_is_found_with_its_tags_and_model(clients: Clients) -> None:
    clients.answer_model(MODELS)
    clients.answer_tags()
    assert clients.source.get(PROFILE) == FoundTags([("Project", "search")], SONNET_4)


@pytest.mark.parametrize(
    ("models", "is_global"),
    [
        (MODELS, False),
        ([f"arn:aws:bedrock:::foundation-model/{SONNET_4}", MODELS[0]], True),
        ([MODELS[0], f"arn:aws-cn:bedrock:::foundation-model/{SONNET_4}"], True),
    ],
)
def test_a_profile_that_copies_a_global_one_has_the_model_without_region(
    clients: Clients, models: list[str], *, is_global: bool
) -> None:
    clients.answer_model(models)
    clients.answer_tags()
    found = clients.source.get(PROFILE)
    assert (found.model_id, found.is_global) == (SONNET_4, is_global)


def test_a_profile_of_several_models_has_no_single_model(clients: Clients) -> None:
    clients.answer_model([MODELS[0], "arn:aws:bedrock:us-east-1::foundation-model/another"])
    clients.answer_tags()
    assert clients.source.get(PROFILE).model_id is None


@pytest.mark.usefixtures("aws")
def test_tags_are_found_for_roles_and_users_and_not_for_missing_ones() -> None:
    iam = boto3.client("iam")
    tags: Any = [{"Key": "Project", "Value": "search"}, {"Key": "b", "Value": ""}]
    iam.create_role(RoleName="chat", AssumeRolePolicyDocument="{}", Path="/ops/", Tags=tags)
    iam.create_user(UserName="ben", Tags=tags[:1])
    iam.create_user(UserName="eva")
    source = AwsTagSource(boto3.client("bedrock"), iam, ACCOUNT)
    assert source.get(ROLE) == FoundTags([("Project", "search"), ("b", "")])
    assert source.get(USER) == FoundTags([("Project", "search")])
    assert source.get(f"arn:aws:iam::{ACCOUNT}:user/eva").tags == []
    for missing in ("role/missing", "user/missing"):
        assert source.get(f"arn:aws:iam::{ACCOUNT}:{missing}") == FoundTags()


def test_tags_on_all_pages_are_found(clients: Clients) -> None:
    first: dict[str, Any] = {"Tags": [{"Key": "a", "Value": "1"}], "IsTruncated": True}
    first["Marker"] = "next"
    last = {"Tags": [{"Key": "b", "Value": "2"}], "IsTruncated": False}
    clients.stubbed_iam.add_response("list_role_tags", first, {"RoleName": "chat"})
    asked = {"RoleName": "chat", "Marker": "next"}
    clients.stubbed_iam.add_response("list_role_tags", last, asked)
    assert clients.source.get(ROLE).tags == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::444455556666:role/chat",
        "arn:aws:iam::444455556666:user/ben",
        PROFILE.replace(ACCOUNT, "444455556666"),
        PROFILE.replace(REGION, "eu-central-1"),
    ],
)
def test_resources_of_other_accounts_and_regions_are_not_requested(
    clients: Clients, arn: str
) -> None:
    assert clients.source.get(arn) == FoundTags()


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
    assert clients.source.get(arn) == FoundTags()


@pytest.mark.parametrize(
    ("arn", "action"), [(ROLE, "iam:ListRoleTags"), (USER, "iam:ListUserTags")]
)
def test_a_missing_permission_is_reported_by_name(clients: Clients, arn: str, action: str) -> None:
    refuse(clients, arn, "AccessDenied")
    assert clients.source.get(arn) == FoundTags(denied=denied(action))


def test_a_profile_with_denied_tags_still_has_its_model(clients: Clients) -> None:
    clients.answer_model(MODELS)
    clients.stubbed_bedrock.add_client_error("list_tags_for_resource", "AccessDeniedException")
    denials = denied("bedrock:ListTagsForResource")
    assert clients.source.get(PROFILE) == FoundTags(None, SONNET_4, denials)


def test_a_profile_with_a_denied_model_still_has_its_tags(clients: Clients) -> None:
    refuse(clients, PROFILE, "AccessDeniedException")
    clients.answer_tags()
    denials = denied("bedrock:GetInferenceProfile")
    assert clients.source.get(PROFILE) == FoundTags([("Project", "search")], None, denials)


@pytest.mark.parametrize(
    ("arn", "code", "status", "service"),
    [
        (ROLE, "Throttling", 400, "iam"),
        (ROLE, "RequestLimitExceeded", 400, "iam"),
        (USER, "ServiceFailure", 500, "iam"),
        (PROFILE, "ThrottlingException", 429, "bedrock"),
        (PROFILE, "TooManyRequestsException", 429, "bedrock"),
        (PROFILE, "InternalServerException", 500, "bedrock"),
    ],
)
def test_a_throttled_service_is_reported_as_busy(
    clients: Clients, arn: str, code: str, status: int, service: str
) -> None:
    refuse(clients, arn, code, status)
    with pytest.raises(TagSourceBusyError, match=f"failed: {code}") as raised:
        clients.source.get(arn)
    assert raised.value.service == service


@pytest.mark.parametrize("code", ["InvalidInput", "ExpiredToken"])
def test_any_other_error_leaves_the_resource_unanswered(clients: Clients, code: str) -> None:
    refuse(clients, ROLE, code)
    with pytest.raises(TagsUnavailableError, match=f"iam:ListRoleTags failed: {code}") as raised:
        clients.source.get(ROLE)
    assert not isinstance(raised.value, TagSourceBusyError)


def test_an_unreachable_service_is_retried_later() -> None:
    class Unreachable:
        def get_paginator(self, _: str) -> Any:
            raise EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")

    iam: Any = Unreachable()
    source = AwsTagSource(boto3.client("bedrock", REGION), iam, ACCOUNT)
    with pytest.raises(TagSourceBusyError, match="iam does not answer: EndpointConnectionError"):
        source.get(ROLE)


def refuse(clients: Clients, arn: str, code: str, status: int = 400) -> None:
    operations = {PROFILE: "get_inference_profile", ROLE: "list_role_tags", USER: "list_user_tags"}
    stubbed = clients.stubbed_bedrock if arn == PROFILE else clients.stubbed_iam
    stubbed.add_client_error(operations[arn], code, http_status_code=status)


def denied(action: str) -> tuple[str, ...]:
    return (f"{action} is denied: allow it, or these tags are not used",)
