"""The part of `make doctor` that looks at Bedrock in other Regions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cdk.operations.aws_errors import error_code
from lambdas.domain.metrics.bedrock_metrics import (
    BEDROCK_NAMESPACE,
    MANTLE_NAMESPACE,
    BedrockMetric,
    MantleMetric,
)
from lambdas.domain.metrics.catalog import INVOCATIONS, NAMESPACE
from lambdas.domain.unmetered import ENABLED_STATUSES

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_BRIEF = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
_ENDPOINTS = {
    BEDROCK_NAMESPACE: BedrockMetric.INVOCATIONS,
    MANTLE_NAMESPACE: MantleMetric.INFERENCES,
}
_ADVICE = (
    "deploy there (regions in cdk.json) or deny Bedrock there (docs/security.md, Calls outside the"
    " logs)."
)


@dataclass(frozen=True, slots=True)
class OtherRegions:
    """Bedrock in the Regions of an account without a deployment.

    Attributes:
        called: Regions with calls within three hours but without a meter that publishes metrics.
        unreadable: Regions that could not be read, each with the reason.
        seen: The number of Regions that were looked at.
    """

    called: tuple[str, ...]
    unreadable: tuple[str, ...]
    seen: int

    @property
    def text(self) -> str:
        """The result and the action to take."""
        texts = []
        if self.called:
            texts.append(
                f"Bedrock was called within three hours, but not metered, in"
                f" {', '.join(self.called)}: {_ADVICE}"
            )
        if self.unreadable:
            texts.append(f"Could not read: {', '.join(self.unreadable)}. Calls there are unknown.")
        return " ".join(texts) or f"No calls within three hours in {self.seen} other Regions."


def find_other_regions(session: boto3.Session, metered: Collection[str]) -> OtherRegions:
    """Look at the Regions that are enabled in an account.

    Args:
        session: Credentials of the account.
        metered: Regions with a deployment, which are left out.
    """
    called, unreadable = list[str](), list[str]()
    others = [region for region in _enabled_regions(session) if region not in metered]
    for region in others:
        try:
            client = session.client("cloudwatch", region_name=region, config=_BRIEF)
            is_called = any(_is_active(client, *metric) for metric in _ENDPOINTS.items())
            if is_called and not _is_active(client, NAMESPACE, INVOCATIONS.name):
                called.append(region)
        except (BotoCoreError, ClientError) as error:
            unreadable.append(f"{region} ({_reason(error)})")
    return OtherRegions(tuple(called), tuple(unreadable), len(others))


def _enabled_regions(session: boto3.Session) -> list[str]:
    pages = session.client("account", config=_BRIEF).get_paginator("list_regions")
    found: Iterable[dict[str, list[dict[str, str]]]] = pages.paginate(
        RegionOptStatusContains=[*ENABLED_STATUSES]
    )
    return sorted(region["RegionName"] for page in found for region in page["Regions"])


def _is_active(client: CloudWatchClient, namespace: str, name: str) -> bool:
    answer = client.list_metrics(Namespace=namespace, MetricName=name, RecentlyActive="PT3H")
    return bool(answer["Metrics"])


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return error_code(error)
    return type(error).__name__
