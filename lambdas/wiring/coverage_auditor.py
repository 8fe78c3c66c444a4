"""The audits of `coverage_auditor`, over CloudWatch, DynamoDB and SNS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.adapters.dynamodb.tag_memory import DynamoDbTagMemory
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.alerts.notifications import Notifier
from lambdas.domain.attribution.profile_models import ProfileModels
from lambdas.domain.completeness import (
    CoverageReport,
    MismatchReport,
    ModelCoverage,
    Quantity,
    coverage_notice,
    mismatch_notice,
)
from lambdas.domain.completeness.forged_series import ForgedSeries
from lambdas.domain.metrics.catalog import (
    COVERAGE_RATIO,
    COVERAGE_SHORTFALL,
    FORGED_SERIES,
    MISSING_CALLS,
    USAGE_MISMATCH,
    HealthMetric,
)
from lambdas.observability import logger
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder


@dataclass(frozen=True, slots=True)
class CoverageWatch:
    """Audits on schedule and after alarms, with every count in the log.

    Attributes:
        auditor: Audits hours.
        finder: Finds forged series.
        notifier: Passes notices on.
    """

    auditor: CoverageAuditor
    finder: ForgedSeriesFinder
    notifier: Notifier

    def measure(self, moment: datetime) -> Mapping[HealthMetric, float]:
        """Audit on schedule; once an hour, audit settled hours and look for forged series as well.

        Raises:
            FiguresUnavailableError: Not all figures are to be had.
        """
        report = _log_coverage(self.auditor.audit(moment))
        health: dict[HealthMetric, float] = {
            COVERAGE_SHORTFALL: int(report.is_short),
            MISSING_CALLS: report.calls.missing,
        }
        if report.calls.ratio is not None:
            health[COVERAGE_RATIO] = report.calls.ratio
        if report.window.is_hour_of_the_clock:
            settled = _log_settled_hours(self.auditor.audit_settled_hours(moment))
            health[USAGE_MISMATCH] = int(settled.is_mismatch)
            health[FORGED_SERIES] = _log_forged_series(self.finder.find(moment)).count
        return health

    def explain(self, alarm_name: str, moment: datetime) -> None:
        """Audit after an alarm, and notify of the models that it is about.

        Raises:
            FiguresUnavailableError: Not all figures are to be had.
        """
        if alarm_name.endswith(USAGE_MISMATCH.name):
            notice = mismatch_notice(_log_settled_hours(self.auditor.audit_settled_hours(moment)))
        else:
            notice = coverage_notice(_log_coverage(self.auditor.audit(moment, with_tokens=True)))
        self.notifier.publish(notice)


def make_coverage_watch(
    *,
    topic_arn: str,
    state_table: str,
    alarm_metric: str,
    profiles_arn: str,
    max_models: int,
    stack_id: str,
) -> CoverageWatch:
    """Make a watch of the account that the function runs in."""
    reader = CloudWatchMetricReader(boto3.client("cloudwatch"))
    memory = DynamoDbTagMemory(boto3.client("dynamodb"), state_table)
    auditor = CoverageAuditor(
        reader,
        ProfileModels(memory, profiles_arn).name_model,
        max_models,
        metered_since=created_at(boto3.client("cloudformation"), stack_id),
    )
    notifier = SnsNotifier(boto3.client("sns"), topic_arn)
    return CoverageWatch(auditor, ForgedSeriesFinder(reader, alarm_metric), notifier)


def _log_coverage(report: CoverageReport) -> CoverageReport:
    logger.info(
        "Calls that the meter and Bedrock counted",
        start=report.window.start.isoformat(),
        end=report.window.end.isoformat(),
        models=_list_counts(report.models),
        not_attributable=report.unlogged,
    )
    return report


def _log_settled_hours(report: MismatchReport) -> MismatchReport:
    for hour in (report.earlier, report.later):
        logger.info(
            "Usage that the meter and Bedrock counted in a settled hour",
            start=hour.window.start.isoformat(),
            models=_list_counts(hour.models),
        )
    return report


def _log_forged_series(found: ForgedSeries) -> ForgedSeries:
    if found.count:
        logger.warning(
            "Metrics that the meter cannot have published",
            negative=dict(found.negative),
            exceeded=[dimension_set.value for dimension_set in found.exceeded],
        )
    return found


def _list_counts(models: Iterable[ModelCoverage]) -> dict[str, dict[str, dict[str, int]]]:
    """Both counts of each model, by quantity."""
    return {
        model.model_id: {
            quantity: compared._asdict()
            for quantity, compared in {Quantity.CALLS: model.calls, **model.tokens}.items()
        }
        for model in models
    }
