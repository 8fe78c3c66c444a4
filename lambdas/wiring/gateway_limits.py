"""Limits of the gateway, over the tables of policies and of limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from lambdas.adapters.cached_policies import CachedPolicies
from lambdas.adapters.dynamodb.limit_marks import DynamoDbMarks
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies
from lambdas.domain.limit_policies import NearMark, read_stored_policies
from lambdas.logs import logger
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.limit_calls import LimitView, PolicyAdmission
from lambdas.wiring.gateway_budgets import make_gateway_budgets
from lambdas.wiring.gateway_clients import make_dynamodb_client
from lambdas.wiring.gateway_models import LazyModels
from lambdas.wiring.gateway_prices import LazyPrices
from lambdas.wiring.gateway_reports import GatewayReports
from lambdas.wiring.gateway_settings import RelaySettings

if TYPE_CHECKING:
    from lambdas.domain.limit_notices import DueMark

_MAX_SUBJECTS_AT_A_TIME = 8


class GatewayLimits(NamedTuple):
    """The limits of a gateway.

    Attributes:
        admission: Admits calls.
        view: Shows callers their limits.
    """

    admission: PolicyAdmission
    view: LimitView


def make_gateway_limits(settings: RelaySettings) -> GatewayLimits:
    """Make the limits of a gateway."""
    dynamodb = make_dynamodb_client()
    prices = LazyPrices(settings)
    policies = CachedPolicies(
        DynamoDbPolicies(dynamodb, settings.governance_table),
        read_stored_policies,
        _report_unread_policies,
    )
    store = DynamoDbLimits(dynamodb, settings.limits_table)
    budgets = make_gateway_budgets(settings, dynamodb)
    executor = ThreadPoolExecutor(_MAX_SUBJECTS_AT_A_TIME)
    admission = PolicyAdmission(
        policies,
        CallAdmitter(store, lambda: uuid4().hex, executor),
        prices,
        DynamoDbMarks(
            dynamodb,
            settings.limits_table,
            partial(_write_mark, settings.caller_role_arn),
            _log_mark,
            _count_unnoted_mark,
        ),
        GatewayReports(),
        budgets,
    )
    view = LimitView(policies, store, prices, LazyModels(settings), budgets)
    return GatewayLimits(admission, view)


def _report_unread_policies(reason: str) -> None:
    logger.error("Policies were not read, and stay as they are", reason=reason)


def _write_mark(caller_role_arn: str, mark: NearMark, at: datetime) -> DueMark:
    from lambdas.domain.limit_notices import write_due_mark  # noqa: PLC0415  # rare

    return write_due_mark(mark, caller_role_arn, at)


def _log_mark(mark: NearMark) -> None:
    message = "A limit is used up" if mark.is_refusal else "A limit is nearly used up"
    logger.warning(message, subject=mark.subject, limit=mark.limit, percent=mark.percent)


def _count_unnoted_mark(reason: str) -> None:
    from lambdas.domain.metrics.catalog import UNNOTED_MARKS  # noqa: PLC0415  # take long to import
    from lambdas.observability import record_health  # noqa: PLC0415

    logger.warning("A mark of a limit was not noted", reason=reason)
    record_health({UNNOTED_MARKS: 1})
