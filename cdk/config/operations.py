"""Settings of the deployment itself: where to, encrypted and tagged how, run on what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cdk.config.section import Section
from cdk.config.setting_types import Regions, Tags


class OperationSettings(Section):
    """Where and how the meter is deployed.

    Attributes:
        regions: Where to deploy; empty for the Region of the command line's credentials.
        denied_regions: Regions that a policy denies to the whole account, Bedrock included.
        customer_keys: Whether logs, ledger and buckets are encrypted with a key of the account's.
        tags: Tags of all that is deployed.
        python_version: The functions' Python, for the local cloud; AWS runs the newest.
        architecture: The functions' processor, likewise.
    """

    regions: Regions = ()
    denied_regions: Regions = ()
    customer_keys: bool = False
    tags: Tags = Field(default_factory=dict)
    python_version: Literal["3.11", "3.12", "3.13", "3.14"] = "3.14"
    architecture: Literal["arm64", "x86_64"] = "arm64"
