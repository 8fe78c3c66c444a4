"""Budgets as limits of the gateway, over the table of budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cached_subjects import CachedSubjects
from lambdas.adapters.dynamodb.budget_presence import DynamoDbBudgetPresence
from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.limit_policies import PolicySubject, SubjectsUnavailableError
from lambdas.logs import logger
from lambdas.services.limit_calls import NoSubjects, SubjectSource
from lambdas.wiring.gateway_settings import RelaySettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class StoredBudgets:
    """Finds the subjects of the budgets in force. They are read again after half a minute."""

    def __init__(self, load: Callable[[], SubjectSource]) -> None:
        """Find subjects by a source that is made of the stored budgets."""
        self._cached = CachedSubjects(load, _report_unread_budgets)

    def find(
        self, key: ApiKey, path: BedrockPath | None, at: datetime, *, is_released: bool
    ) -> Sequence[PolicySubject]:
        """Find the subjects of a call.

        Raises:
            SubjectsUnavailableError: Budgets cannot be read, and were not before.
            CallNotCountableError: A default budget that denies counts by a label that is not known.
        """
        return self._cached.get(at).find(key, path, at, is_released=is_released)


def make_gateway_budgets(settings: RelaySettings, dynamodb: DynamoDBClient) -> StoredBudgets:
    """Make the budgets that limit calls. Nothing slow is imported before there is a budget."""
    presence = DynamoDbBudgetPresence(dynamodb, settings.governance_table)

    def load() -> SubjectSource:
        if not presence.has_any():
            return NoSubjects()
        return _load_subjects(settings, dynamodb)

    return StoredBudgets(load)


def _load_subjects(settings: RelaySettings, dynamodb: DynamoDBClient) -> SubjectSource:
    """Read budgets.

    Raises:
        SubjectsUnavailableError: They cannot be read.
    """
    # They take a tenth of a second and more to import.
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore  # noqa: PLC0415
    from lambdas.domain.budgets import BudgetsChangedError, GatewayBudgets  # noqa: PLC0415
    from lambdas.services.find_budgets import BudgetSubjects, CallLabels  # noqa: PLC0415
    from lambdas.wiring.attribution_rules import AttributionSetting  # noqa: PLC0415

    try:
        book = DynamoDbBudgetStore(dynamodb, settings.governance_table).read()
    except (BotoCoreError, BudgetsChangedError, ClientError) as error:
        raise SubjectsUnavailableError(str(error)) from error
    rules = AttributionSetting.model_validate(settings.attribution).to_domain()
    labels = CallLabels(settings.caller_role_arn, settings.region, settings.project_name, rules)
    return BudgetSubjects(GatewayBudgets(book), labels, settings.brake_exempt)


def _report_unread_budgets(reason: str) -> None:
    logger.error("Budgets were not read, and stay as they are", reason=reason)
