"""The viewer asks Bedrock for the model and the project of a profile."""

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from dashboards.viewer.profile_labels import BedrockProfiles, Profile
from lambdas.domain.attribution import LabelNames

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"

REGIONS = ("us-east-1", "us-west-2")


@pytest.mark.usefixtures("aws")
def test_the_model_and_the_project_tag_of_a_profile_are_found() -> None:
    bedrock = boto3.client("bedrock")
    arn = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"
    models = [f"arn:aws:bedrock:{region}::foundation-model/{MODEL}" for region in REGIONS]
    found = {
        "inferenceProfileName": "support",
        "inferenceProfileArn": arn,
        "status": "ACTIVE",
        "inferenceProfileId": "p24qm5pye2qr",
        "type": "APPLICATION",
        "models": [{"modelArn": model} for model in models],
    }
    tags = [{"key": "Team", "value": "support"}, {"key": "other", "value": "x"}]
    with Stubber(bedrock) as answers:
        answers.add_response(
            "get_inference_profile", found, {"inferenceProfileIdentifier": "p24qm5pye2qr"}
        )
        answers.add_response("list_tags_for_resource", {"tags": tags}, {"resourceARN": arn})
        profiles = BedrockProfiles(bedrock, LabelNames(project=("team",)))
        assert profiles.find("p24qm5pye2qr") == Profile(MODEL, "support")


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
    assert [profiles.find("p24qm5pye2qr") for _ in range(2)] == [Profile(), Profile()]
    assert asked == ["once"]
