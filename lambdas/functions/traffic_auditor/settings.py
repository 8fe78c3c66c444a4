"""The settings of `traffic_auditor`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from lambdas.wiring.allowed_values import like
from lambdas.wiring.environment import EnvironmentSettings, from_json_text

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BucketName: TypeAlias = Annotated[
    str, like(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket")
]


class Settings(EnvironmentSettings):
    """The Regions to look at, and the destination of notices.

    Attributes:
        topic_arn: The topic of notifications.
        state_table: The table that stores the notices that were sent.
        region: The deployment's own Region.
        regions: The Regions with a deployment, as a JSON list; empty for this one. The first of
            them looks at all other Regions.
        denied_regions: Regions that a policy denies to the whole account, as a JSON list.
        batch_output_buckets: The buckets of batch jobs whose manifests may be read, as a JSON
            list.
        are_tiers_logged: True if the invocation logs have content, which names the service tier.
    """

    topic_arn: str = Field(min_length=1)
    state_table: str = Field(min_length=3)
    region: str = Field(min_length=1)
    regions: Annotated[tuple[str, ...], BeforeValidator(from_json_text)] = ()
    denied_regions: Annotated[tuple[str, ...], BeforeValidator(from_json_text)] = ()
    batch_output_buckets: Annotated[tuple[BucketName, ...], BeforeValidator(from_json_text)] = ()
    are_tiers_logged: bool
