"""Settings of the deployment itself: Regions, encryption, tags and the functions' platform."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from cdk.config.region_names import explain_unknown_region
from cdk.config.setting_types import EachOnce, Json, Words
from lambdas.wiring.allowed_values import SettingsModel, allowed, like

# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
_MAX_TAGS = 40  # of 50: CloudFormation and the CDK add theirs
_MAX_TAG_KEY_LENGTH = 128
_MAX_TAG_VALUE_LENGTH = 256


def _is_tag_key(key: str) -> bool:
    return 0 < len(key) <= _MAX_TAG_KEY_LENGTH and not key.lower().startswith("aws:")


def _is_known(region: str) -> str:
    if reason := explain_unknown_region(region):
        raise ValueError(reason)
    return region


_Region: TypeAlias = Annotated[
    str,
    like(r"[a-z]{2,}(-[a-z]+)+-\d+", "a Region, such as us-east-1"),
    AfterValidator(_is_known),
]
_Regions: TypeAlias = Annotated[tuple[_Region, ...], Words, EachOnce]
_TagKey: TypeAlias = Annotated[
    str,
    allowed(
        f"a key of 1 to {_MAX_TAG_KEY_LENGTH} characters that does not start with aws:", _is_tag_key
    ),
]
_TagValue: TypeAlias = Annotated[
    str,
    allowed(
        f"a value of up to {_MAX_TAG_VALUE_LENGTH} characters",
        lambda value: len(value) <= _MAX_TAG_VALUE_LENGTH,
    ),
]
_Tags: TypeAlias = Annotated[
    dict[_TagKey, _TagValue],
    Json,
    allowed(f"up to {_MAX_TAGS} tags", lambda tags: len(tags) <= _MAX_TAGS),
]


class OperationSettings(SettingsModel):
    """Settings of the deployment.

    Attributes:
        regions: The Regions to deploy to; empty for the Region of the command line's credentials.
        denied_regions: Regions that a policy denies to the whole account, Bedrock included.
        customer_keys: Encrypt logs, ledger and buckets with a customer managed key.
        tags: Tags of all deployed resources.
        python_version: The functions' Python, for the local cloud; AWS runs the newest.
        architecture: The functions' processor, for the local cloud.
    """

    regions: _Regions = ()
    denied_regions: _Regions = ()
    customer_keys: bool = False
    tags: _Tags = Field(default_factory=dict)
    python_version: Literal["3.11", "3.12", "3.13", "3.14"] = "3.14"
    architecture: Literal["arm64", "x86_64"] = "arm64"
