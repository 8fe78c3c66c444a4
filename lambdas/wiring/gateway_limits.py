"""Limits of the gateway, over the tables of policies and of limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import boto3

from lambdas.adapters.cached_policies import CachedPolicies
from lambdas.adapters.dynamodb.limit_marks import DynamoDbMarks
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.limit_policies import NearMark, PoliciesUnavailableError, PolicySet
from lambdas.logs import logger
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.limit_calls import (
    AdmissionReport,
    LimitView,
    PolicyAdmission,
    SettlementReport,
    TokenPrices,
)
from lambdas.wiring.client_timeouts import BRIEF
from lambdas.wiring.declared_files import InvalidFileError
from lambdas.wiring.gateway_budgets import make_gateway_budgets
from lambdas.wiring.gateway_settings import RelaySettings
from lambdas.wiring.limit_policies_file import read_policies

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
    dynamodb = boto3.client("dynamodb", config=BRIEF)
    prices = LazyPrices(settings.region)
    policies = CachedPolicies(
        DynamoDbPolicies(dynamodb, settings.governance_table), _read_stored, _report_unread_policies
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
        ),
        LoggedLimits(),
        budgets,
    )
    return GatewayLimits(admission, LimitView(policies, store, prices, budgets))


class LoggedLimits:
    """Logs what happens at limits. No line has anything of a request."""

    def report_admission(self, report: AdmissionReport) -> None:
        """Log refusals, and everything that passed without being limited."""
        if report.unchecked:
            logger.error("Limits were not checked", subjects=report.unchecked)
        if report.is_break_glass:
            logger.warning("A caller passed its limits", caller=report.caller)
        elif report.refusal is not None:
            logger.info(
                "A call was refused",
                caller=report.caller,
                reason=report.refusal,
                limits=report.policies,
            )
        if report.shadow:
            logger.info("Limits would refuse a call", caller=report.caller, limits=report.shadow)
        if report.left_open:
            logger.warning("Reservations were not given back", parts=report.left_open)

    def report_settlement(self, report: SettlementReport) -> None:
        """Log a settlement that has to be made later."""
        if report.left_open:
            logger.warning("A call was not settled", caller=report.caller, parts=report.left_open)


def _read_stored(text: str) -> PolicySet:
    try:
        return read_policies(text).policies
    except InvalidFileError as error:
        raise PoliciesUnavailableError(str(error)) from error


def _report_unread_policies(reason: str) -> None:
    logger.error("Policies were not read, and stay as they are", reason=reason)


def _write_mark(caller_role_arn: str, mark: NearMark, at: datetime) -> DueMark:
    from lambdas.domain.limit_notices import write_due_mark  # noqa: PLC0415  # rare

    return write_due_mark(mark, caller_role_arn, at)


def _log_mark(mark: NearMark) -> None:
    logger.warning(
        "A limit is nearly used up", subject=mark.subject, limit=mark.limit, percent=mark.percent
    )


class LazyPrices:
    """Prices that take long to load, and are loaded for the first limit in US dollars."""

    def __init__(self, region: str) -> None:
        """Price calls in a Region."""
        self._region = region
        self._prices: TokenPrices | None = None

    def price(
        self,
        invoked_model_id: str,
        operation: str,
        service_tier: str | None,
        at: datetime,
        tokens: TokenCounts,
    ) -> Decimal | None:
        """Price the tokens of a call; `None` if a price is not known."""
        if self._prices is None:
            self._prices = _load_prices(self._region)
        return self._prices.price(invoked_model_id, operation, service_tier, at, tokens)


def _load_prices(region: str) -> TokenPrices:
    from lambdas.domain.calls import CallPrices  # noqa: PLC0415  # takes long to import
    from lambdas.domain.pricing import Pricing, shipped_prices  # noqa: PLC0415  # likewise

    pricing = Pricing(shipped_prices())
    return CallPrices(lambda: pricing, region)
