"""Credits that are exhausted, by which the gateway refuses calls, over the table of credits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cached_policies import CachedSource
from lambdas.adapters.dynamodb.credit_presence import DynamoDbCreditPresence
from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.limit_policies import (
    CreditSource,
    MissingCredits,
    NoCredits,
    SubjectsUnavailableError,
)
from lambdas.logs import logger
from lambdas.wiring.gateway_budgets import make_call_labels
from lambdas.wiring.gateway_settings import RelaySettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.services.find_credits import CreditScopes

MAX_AGE = timedelta(seconds=5)
"""A change of credits takes so long to have an effect."""


class StoredCredits:
    """Finds exhausted scopes in the stored books. They are read again after some seconds."""

    def __init__(self, load: Callable[[], CreditSource]) -> None:
        """Find scopes by a source that is made of the stored books."""
        self._cached = CachedSource(load, SubjectsUnavailableError, _report_unread_credits, MAX_AGE)

    def find(
        self, key: ApiKey, path: BedrockPath, at: datetime, *, invoked_model_id: str | None = None
    ) -> MissingCredits:
        """Find the scopes without credits that cover a call.

        Raises:
            SubjectsUnavailableError: Credits cannot be read, and were not before.
        """
        return self._cached.get(at).find(key, path, at, invoked_model_id=invoked_model_id)


def make_gateway_credits(settings: RelaySettings, dynamodb: DynamoDBClient) -> CreditSource:
    """Make the source of exhausted scopes. Nothing slow is imported before there is one."""
    if not settings.refuse_exhausted:
        return NoCredits()
    presence = DynamoDbCreditPresence(dynamodb, settings.governance_table)
    last: CreditSource = NoCredits()

    def load() -> CreditSource:
        """Load the scopes; if nothing has changed, the last ones, which are worked out."""
        nonlocal last
        if not presence.has_exhausted():
            return NoCredits()
        loaded = _load_scopes(settings, dynamodb)
        if loaded != last:
            last = loaded
        return last

    return StoredCredits(load)


def _load_scopes(settings: RelaySettings, dynamodb: DynamoDBClient) -> CreditScopes:
    """Read exhausted scopes, grants and the switch.

    Raises:
        SubjectsUnavailableError: They cannot be read.
    """
    # They take a tenth of a second and more to import.
    from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore  # noqa: PLC0415
    from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch  # noqa: PLC0415
    from lambdas.adapters.dynamodb.exhausted_scopes import (  # noqa: PLC0415
        DynamoDbExhaustedScopes,
    )
    from lambdas.services.find_credits import CreditScopes  # noqa: PLC0415

    table = settings.governance_table
    try:
        return CreditScopes(
            DynamoDbExhaustedScopes(dynamodb, table).list_exhausted(),
            DynamoDbCreditStore(dynamodb, table).read_book(),
            DynamoDbCreditSwitch(dynamodb, table).read(),
            make_call_labels(settings),
        )
    except (BotoCoreError, ClientError) as error:
        raise SubjectsUnavailableError(str(error)) from error


def _report_unread_credits(reason: str) -> None:
    logger.error("Credits were not read, and stay as they are", reason=reason)
