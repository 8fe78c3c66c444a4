"""Budgets as limits of the gateway, over the table of budgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cached_policies import CachedSource
from lambdas.adapters.dynamodb.budget_presence import DynamoDbBudgetPresence
from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.limit_policies import (
    NoSubjects,
    PolicySubject,
    SubjectSource,
    SubjectsUnavailableError,
)
from lambdas.logs import logger
from lambdas.wiring.gateway_settings import RelaySettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.domain.attribution import AttributionRules
    from lambdas.domain.budgets.call_labels import CallLabels
    from lambdas.services.find_budgets import BudgetSubjects


class StoredBudgets:
    """Finds the subjects of the budgets in force. They are read again after half a minute."""

    def __init__(self, load: Callable[[], SubjectSource]) -> None:
        """Find subjects by a source that is made of the stored budgets."""
        self._cached = CachedSource(load, SubjectsUnavailableError, _report_unread_budgets)

    def find(
        self,
        key: ApiKey,
        path: BedrockPath | None,
        at: datetime,
        *,
        is_released: bool,
        invoked_model_id: str | None = None,
    ) -> Sequence[PolicySubject]:
        """Find the subjects of a call.

        Raises:
            SubjectsUnavailableError: Budgets cannot be read, and were not before.
            CallNotCountableError: An enforced default budget counts by a label that is not known.
        """
        return self._cached.get(at).find(
            key, path, at, is_released=is_released, invoked_model_id=invoked_model_id
        )


def make_gateway_budgets(settings: RelaySettings, dynamodb: DynamoDBClient) -> StoredBudgets:
    """Make the budgets that limit calls. Nothing slow is imported before there is a budget."""
    presence = DynamoDbBudgetPresence(dynamodb, settings.governance_table)
    last: BudgetSubjects | None = None

    def load() -> SubjectSource:
        nonlocal last
        if not presence.has_any():
            return NoSubjects()
        last = _load_subjects(settings, dynamodb, last)
        return last

    return StoredBudgets(load)


def _load_subjects(
    settings: RelaySettings, dynamodb: DynamoDBClient, last: BudgetSubjects | None
) -> BudgetSubjects:
    """Read budgets. While they stay the same, so does what finds them, with its memory.

    Raises:
        SubjectsUnavailableError: They cannot be read.
    """
    # They take a tenth of a second and more to import.
    from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore  # noqa: PLC0415
    from lambdas.domain.budgets import BudgetsChangedError, GatewayBudgets  # noqa: PLC0415
    from lambdas.services.find_budgets import BudgetSubjects  # noqa: PLC0415

    try:
        book = DynamoDbBudgetStore(dynamodb, settings.governance_table).read()
    except (BotoCoreError, BudgetsChangedError, ClientError) as error:
        raise SubjectsUnavailableError(str(error)) from error
    if last is not None and last.budgets.book == book:
        return last
    return BudgetSubjects(GatewayBudgets(book), make_call_labels(settings))


def make_call_labels(settings: RelaySettings) -> CallLabels:
    """Make the labels of calls. They take long to import, so that callers need them first."""
    from lambdas.domain.budgets.call_labels import CallLabels  # noqa: PLC0415  # late, as above

    return CallLabels(
        settings.caller_role_arn, settings.region, settings.project_name, _read_rules(settings)
    )


def _read_rules(settings: RelaySettings) -> AttributionRules:
    from lambdas.domain.attribution import AttributionRules  # noqa: PLC0415  # late, as above

    if settings.project_name is None:  # no rule makes a project known
        return AttributionRules()
    from lambdas.wiring.attribution_rules import AttributionSetting  # noqa: PLC0415  # likewise

    return AttributionSetting.model_validate(settings.attribution).to_domain()


def _report_unread_budgets(reason: str) -> None:
    logger.error("Budgets were not read, and stay as they are", reason=reason)
