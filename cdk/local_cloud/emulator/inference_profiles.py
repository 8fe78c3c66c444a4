"""An application inference profile has an id as on AWS, and is found by its ARN, as in logs.

MiniStack's ids have a hyphen, and it finds profiles by id only.
"""

from __future__ import annotations

from typing import Any

from ministack.services import bedrock

_PREFIX = "ip-"


def install() -> None:
    """Add it."""
    find_by_id, create = bedrock._get_inference_profile, bedrock._create_inference_profile
    profiles, tags = bedrock._inference_profiles_apps, bedrock._tags

    def create_and_rename(body: bytes) -> Any:
        status, headers, content = create(body)
        for name in [key for key in profiles if key.startswith(_PREFIX)]:
            profile = profiles.pop(name)
            renamed = name.removeprefix(_PREFIX)
            arn = bedrock._inference_profile_arn(renamed, application=True)
            tags[arn] = tags.pop(profile["InferenceProfileArn"], {})
            profiles[renamed] = {
                **profile,
                "InferenceProfileId": renamed,
                "InferenceProfileArn": arn,
            }
        return status, headers, content.replace(f"/{_PREFIX}".encode(), b"/")

    bedrock._create_inference_profile = create_and_rename
    bedrock._get_inference_profile = lambda named: find_by_id(named.rpartition("/")[-1])
