"""The viewer asks Bedrock for the model and the project of a profile."""

import boto3
import pytest
from botocore.exceptions import ClientError

from dashboards.viewer.profile_labels import BedrockProfiles, Profile
from lambdas.domain.attribution import LabelNames

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.usefixtures("aws")
def test_the_model_and_the_project_tag_of_a_profile_are_found() -> None:
    bedrock = boto3.client("bedrock")
    arn = bedrock.create_inference_profile(
        inferenceProfileName="support",
        modelSource={"copyFrom": f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"},
        tags=[{"key": "Team", "value": "support"}, {"key": "other", "value": "x"}],
    )["inferenceProfileArn"]
    profiles = BedrockProfiles(bedrock, LabelNames(project=("team",)))
    assert profiles(arn.rpartition("/")[2]) == Profile(MODEL, "support")


@pytest.mark.usefixtures("aws")
def test_nothing_is_known_of_a_profile_without_permission() -> None:
    bedrock = boto3.client("bedrock")
    asked: list[str] = []

    def refuse(**_: object) -> None:
        asked.append("once")
        error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
        raise ClientError(error, "GetInferenceProfile")  # type: ignore[arg-type]

    bedrock.meta.events.register("before-call.bedrock.GetInferenceProfile", refuse)
    profiles = BedrockProfiles(bedrock, LabelNames())
    assert [profiles("p24qm5pye2qr") for _ in range(2)] == [Profile(), Profile()]
    assert asked == ["once"]
