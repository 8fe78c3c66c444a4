"""Measures coverage on schedule, and names the models behind its alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lambdas.domain.alerts import Notifier
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


class Auditor(Protocol):
    """Compares what the meter has counted with Bedrock's own metrics."""

    def audit(self, moment: datetime, *, with_tokens: bool = False) -> CoverageReport:
        """Audit the hour that should be complete at a moment."""

    def audit_settled_hours(self, moment: datetime) -> MismatchReport:
        """Audit the last two hours that have settled at a moment."""


class SeriesFinder(Protocol):
    """Finds values that someone else has published in the meter's namespace."""

    def find(self, moment: datetime) -> ForgedSeries:
        """Find forged series of the day before a moment."""


@dataclass(frozen=True, slots=True)
class CoverageWatcher:
    """Audits on schedule and after alarms, with every count in the log.

    Attributes:
        auditor: Audits hours.
        finder: Finds forged series.
        notifier: Passes notices on.
    """

    auditor: Auditor
    finder: SeriesFinder
    notifier: Notifier

    def measure(self, moment: datetime) -> Mapping[HealthMetric, float]:
        """Audit on schedule; once an hour, audit settled hours and look for forged series as well.

        Raises:
            MetricReadError: CloudWatch did not return all sums.
        """
        report = self.auditor.audit(moment)
        _log_coverage(report)
        health: dict[HealthMetric, float] = {
            COVERAGE_SHORTFALL: int(report.is_short),
            MISSING_CALLS: report.calls.missing,
        }
        if report.calls.ratio is not None:
            health[COVERAGE_RATIO] = report.calls.ratio
        if report.window.is_hour_of_the_clock:
            settled = self.auditor.audit_settled_hours(moment)
            _log_settled_hours(settled)
            health[USAGE_MISMATCH] = int(settled.is_mismatch)
            forged = self.finder.find(moment)
            _log_forged_series(forged)
            health[FORGED_SERIES] = forged.count
        return health

    def explain(self, alarm_name: str, moment: datetime) -> None:
        """Audit after an alarm, and notify of the models that it is about.

        An alarm keeps the state, and notifies once; it cannot name a model. The notice that names
        them is sent when it has turned to ALARM, so there is no state to keep here.

        Raises:
            MetricReadError: CloudWatch did not return all sums.
        """
        if alarm_name.endswith(USAGE_MISMATCH.name):
            settled = self.auditor.audit_settled_hours(moment)
            _log_settled_hours(settled)
            self.notifier.publish(mismatch_notice(settled))
        else:
            report = self.auditor.audit(moment, with_tokens=True)
            _log_coverage(report)
            self.notifier.publish(coverage_notice(report))


def _log_coverage(report: CoverageReport) -> None:
    logger.info(
        "Calls that the meter and Bedrock counted",
        start=report.window.start.isoformat(),
        end=report.window.end.isoformat(),
        models=_list_counts(report.models),
        not_attributable=report.unlogged,
    )


def _log_settled_hours(report: MismatchReport) -> None:
    for hour in (report.earlier, report.later):
        logger.info(
            "Usage that the meter and Bedrock counted in a settled hour",
            start=hour.window.start.isoformat(),
            models=_list_counts(hour.models),
        )
        if hour.counted is not None:
            logger.info(
                "Usage in exact counters and in Bedrock's metrics in a settled hour",
                start=hour.window.start.isoformat(),
                models=_list_counts(hour.counted),
            )


def _log_forged_series(found: ForgedSeries) -> None:
    if found.count:
        logger.warning(
            "Metrics that the meter cannot have published",
            negative=dict(found.negative),
            exceeded=[dimension_set.value for dimension_set in found.exceeded],
        )


def _list_counts(models: Iterable[ModelCoverage]) -> dict[str, dict[str, dict[str, int]]]:
    """Both counts of each model, by quantity."""
    return {
        model.model_id: {
            quantity: compared._asdict()
            for quantity, compared in {Quantity.CALLS: model.calls, **model.tokens}.items()
        }
        for model in models
    }
