"""The Regions that are enabled in an account."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.unmetered import ENABLED_STATUSES, TrafficUnavailableError


class AwsAccountRegions:
    """Asks the account's own settings."""

    def __init__(self, client: BaseClient) -> None:
        """Ask with a client of the Account Management API."""
        self._client = client

    def list(self) -> Sequence[str]:
        """List the names of the enabled Regions.

        Raises:
            TrafficUnavailableError: The account does not list them.
        """
        pages = self._client.get_paginator("list_regions").paginate(
            RegionOptStatusContains=[*ENABLED_STATUSES]
        )
        try:
            return sorted(region["RegionName"] for page in pages for region in page["Regions"])
        except (BotoCoreError, ClientError) as error:
            message = f"the account's Regions cannot be listed: {error}"
            raise TrafficUnavailableError(message) from error
