"""Counts and logs what happens at limits of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lambdas.domain.bedrock_calls import LIMITS_UNAVAILABLE
from lambdas.domain.limit_policies import BUDGETS, AdmissionReport, SettlementReport
from lambdas.domain.limits import RefusalReason
from lambdas.logs import logger

if TYPE_CHECKING:
    from lambdas.domain.metrics.catalog import HealthMetric, LimitMetric

    _Values: TypeAlias = dict[LimitMetric | HealthMetric, float]

_UNAVAILABLE = frozenset({LIMITS_UNAVAILABLE.reason, RefusalReason.STORE_FAILED.value})
_BUSY = frozenset({RefusalReason.TOO_MANY_CALLS_A_SECOND.value, RefusalReason.TOO_MANY_OPEN.value})


class GatewayReports:
    """Writes metrics and log lines. No line has anything of a request, no metric has a caller.

    A call has at most one line of metrics when it is refused and one when it is settled, after its
    answer. Another policy in shadow mode that would have refused it has a line of its own, since a
    line has one value of a dimension.
    """

    def report_admission(self, report: AdmissionReport) -> None:
        """Report refusals, and everything that passed without being limited."""
        _log_admission(report)
        is_refused = report.refusal is not None and not report.is_break_glass
        if is_refused or report.shadow_policies or report.unchecked or report.is_break_glass:
            _count_admission(report, is_refused=is_refused)

    def report_settlement(self, report: SettlementReport) -> None:
        """Count a call, and log a settlement that has to be made later."""
        if report.left_open:
            logger.warning("A call was not settled", caller=report.caller, parts=report.left_open)
        _count_settlement(report)


def _log_admission(report: AdmissionReport) -> None:
    if report.unchecked:
        logger.error("Limits were not checked", subjects=report.unchecked)
    if report.is_break_glass:
        logger.warning("A caller passed its limits", caller=report.caller, limits=report.policies)
    elif report.refusal is not None:
        logger.info(
            "A call was refused",
            caller=report.caller,
            reason=report.refusal,
            limits=report.policies,
            is_repeat=report.is_repeat,
            is_estimate=report.is_estimate,
        )
    if report.shadow:
        logger.info("Limits would refuse a call", caller=report.caller, limits=report.shadow)
    if report.left_open:
        logger.warning("Reservations were not given back", parts=report.left_open)


# The names of metrics take long to import. Most callers do not wait for that: a call that limits
# admit is counted after its answer.
def _count_admission(report: AdmissionReport, *, is_refused: bool) -> None:
    from lambdas.domain.metrics import catalog  # noqa: PLC0415
    from lambdas.observability import record_gateway  # noqa: PLC0415

    of_policies: dict[str, _Values] = {
        name: {catalog.SHADOW_REFUSALS: 1} for name in report.shadow_policies
    }
    values: _Values = {}
    if report.is_break_glass:
        values[catalog.BREAK_GLASS_CALLS] = 1
    if report.unchecked and not is_refused:
        values[catalog.UNCHECKED_CALLS] = 1
    if is_refused and report.refusal in _UNAVAILABLE:
        values[catalog.LIMITS_UNAVAILABLE] = 1
    elif is_refused and report.refusal in _BUSY:
        values[catalog.BUSY_SUBJECTS] = 1
    elif is_refused:
        of_policies.setdefault(report.refused_by or BUDGETS, {})[catalog.LIMIT_REFUSALS] = 1
    if not of_policies:
        record_gateway(values, {})
    for policy, counts in of_policies.items():
        record_gateway(values | counts, {catalog.POLICY: policy})
        values = {}


def _count_settlement(report: SettlementReport) -> None:
    from lambdas.domain.metrics import catalog  # noqa: PLC0415
    from lambdas.observability import record_gateway  # noqa: PLC0415

    values: _Values = {catalog.ADMITTED_CALLS: 1}
    reserved, used = report.reserved.quota_tokens, report.used.quota_tokens
    if report.used.requests and reserved is not None and used is not None:
        values |= {catalog.RESERVED_TOKENS: reserved, catalog.USED_TOKENS: used}
    record_gateway(values, {})
