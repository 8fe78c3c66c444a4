"""Models behind application inference profiles: from the meter's state, then from Bedrock, once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from lambdas.adapters.aws_tag_source import AwsProfiledModels
from lambdas.adapters.cached_models import MAX_MISSES, MISS_AGE, CachedModels
from lambdas.adapters.dynamodb.profiled_models import DynamoDbProfiledModels
from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.domain.attribution import ProfiledModel, TagHistory, TagObservation
from lambdas.domain.attribution.ports import TagEntry, TagsUnavailableError
from tests.aws import STATE
from tests.builders import NOON, SONNET_4

HERE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/"
PROFILE = f"{HERE}p24qm5pye2qr"


@dataclass
class Models:
    """A source of models, which notes what it is asked for."""

    models: dict[str, ProfiledModel] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    def get_model(self, profile_arn: str) -> ProfiledModel | None:
        self.asked.append(profile_arn)
        if self.is_down:
            message = "down"
            raise TagsUnavailableError(message)
        return self.models.get(profile_arn)


@dataclass
class World:
    """Cached models over the meter's state and Bedrock, and what they report."""

    state: Models = field(default_factory=Models)
    bedrock: Models = field(default_factory=Models)
    reported: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cached = CachedModels(
            [self.state, self.bedrock], HERE, lambda *each: self.reported.append(each)
        )


def test_a_model_is_looked_for_once_and_bedrock_is_asked_last() -> None:
    stored = World(state=Models({PROFILE: ProfiledModel(SONNET_4)}))
    new = World(bedrock=Models({PROFILE: ProfiledModel(SONNET_4, is_global=True)}))
    for _ in range(3):
        assert stored.cached.find(PROFILE, NOON) == SONNET_4
        assert new.cached.find(PROFILE, NOON + timedelta(days=1)) == f"global.{SONNET_4}"
    assert (stored.state.asked, stored.bedrock.asked) == ([PROFILE], [])
    assert (new.state.asked, new.bedrock.asked) == ([PROFILE], [PROFILE])
    assert not stored.reported
    assert not new.reported


@pytest.mark.parametrize(
    "called",
    [
        SONNET_4,
        f"us.{SONNET_4}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{SONNET_4}",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/p1",
        "arn:aws:bedrock:us-east-1:123456789012:prompt-router/r1",
        "arn:aws:bedrock:us-east-1:123456789012:imported-model/i1",
        PROFILE.replace("123456789012", "210987654321"),
        PROFILE.replace("us-east-1", "eu-west-1"),
        f"{PROFILE}/more",
    ],
)
def test_nothing_else_is_looked_for(called: str) -> None:
    world = World()
    assert world.cached.find(called, NOON) == called
    assert not world.state.asked
    assert not world.bedrock.asked
    assert not world.reported


def test_a_profile_that_is_not_found_stays_hidden_for_a_minute() -> None:
    world = World()
    for seconds in (0, 30, 59):
        assert world.cached.find(PROFILE, NOON + timedelta(seconds=seconds)) == PROFILE
    assert world.bedrock.asked == [PROFILE]
    assert [profile for profile, _ in world.reported] == [PROFILE]
    world.bedrock.models[PROFILE] = ProfiledModel(SONNET_4)
    assert world.cached.find(PROFILE, NOON + MISS_AGE) == SONNET_4


def test_made_up_profiles_do_not_use_up_the_requests_that_ask_bedrock() -> None:
    world = World(bedrock=Models({PROFILE: ProfiledModel(SONNET_4)}))
    world.cached.find(PROFILE, NOON)
    for number in range(3 * MAX_MISSES):
        world.cached.find(f"{HERE}made{number}", NOON)
    assert len(world.bedrock.asked) == 1 + MAX_MISSES
    assert world.cached.find(PROFILE, NOON) == SONNET_4
    world.cached.find(f"{HERE}later", NOON + MISS_AGE)
    assert world.bedrock.asked[-1] == f"{HERE}later"


def test_a_source_that_fails_is_reported_unless_another_one_knows_the_model() -> None:
    found = World(Models(is_down=True), Models({PROFILE: ProfiledModel(SONNET_4)}))
    assert found.cached.find(PROFILE, NOON) == SONNET_4
    assert found.reported == []
    unknown = World(Models(is_down=True), Models(is_down=True))
    assert unknown.cached.find(PROFILE, NOON) == PROFILE
    assert unknown.reported == [(PROFILE, "down; down")]


@pytest.mark.parametrize("is_global", [False, True])
def test_the_state_table_has_what_the_meter_has_stored(aws: None, *, is_global: bool) -> None:
    client = boto3.client("dynamodb")
    models = DynamoDbProfiledModels(client, STATE)
    assert models.get_model(PROFILE) is None
    tags = (TagObservation(NOON, (("project", "search"),)),)
    entry = TagEntry(TagHistory(tags, SONNET_4, is_global), NOON)
    DynamoDbTagCache(client, STATE).save(PROFILE, entry, None)
    assert models.get_model(PROFILE) == ProfiledModel(SONNET_4, is_global)
    unresolved = TagEntry(TagHistory(tags), NOON)
    DynamoDbTagCache(client, STATE).save(f"{HERE}other", unresolved, None)
    assert models.get_model(f"{HERE}other") is None
    with pytest.raises(TagsUnavailableError, match="ResourceNotFoundException"):
        DynamoDbProfiledModels(client, "missing").get_model(PROFILE)


@pytest.fixture
def bedrock(aws: None) -> Iterator[tuple[AwsProfiledModels, Stubber]]:
    client = boto3.client("bedrock", config=Config(retries={"total_max_attempts": 1}))
    with Stubber(client) as stubber:
        yield AwsProfiledModels(client), stubber
        stubber.assert_no_pending_responses()


def answer(*models: str) -> dict[str, Any]:
    return {
        "inferenceProfileName": "search",
        "inferenceProfileArn": PROFILE,
        "inferenceProfileId": "p24qm5pye2qr",
        "models": [{"modelArn": arn} for arn in models],
        "status": "ACTIVE",
        "type": "APPLICATION",
    }


US, EU = (f"arn:aws:bedrock:{at}::foundation-model/{SONNET_4}" for at in ("us-west-2", "eu-west-1"))


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([US], ProfiledModel(SONNET_4)),
        ([US, EU], ProfiledModel(SONNET_4)),
        ([US, US.replace("us-west-2", "")], ProfiledModel(SONNET_4, is_global=True)),
        ([US, "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0"], None),
    ],
)
def test_bedrock_names_the_one_model_of_a_profile(
    bedrock: tuple[AwsProfiledModels, Stubber], models: list[str], expected: ProfiledModel | None
) -> None:
    source, stubber = bedrock
    asked = {"inferenceProfileIdentifier": PROFILE}
    stubber.add_response("get_inference_profile", answer(*models), asked)
    assert source.get_model(PROFILE) == expected


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "Internal"])
def test_what_bedrock_refuses_is_not_known_now(
    bedrock: tuple[AwsProfiledModels, Stubber], code: str
) -> None:
    source, stubber = bedrock
    stubber.add_client_error("get_inference_profile", code, http_status_code=400)
    with pytest.raises(TagsUnavailableError, match="GetInferenceProfile"):
        source.get_model(PROFILE)


def test_a_profile_that_does_not_exist_has_no_model(
    bedrock: tuple[AwsProfiledModels, Stubber],
) -> None:
    source, stubber = bedrock
    stubber.add_client_error("get_inference_profile", "ResourceNotFoundException")
    assert source.get_model(PROFILE) is None
