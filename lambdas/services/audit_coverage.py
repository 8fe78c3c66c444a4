"""Compares what the meter has counted with Bedrock's own metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from lambdas.domain.completeness import (
    BEDROCK_METRICS,
    BEDROCK_NAMESPACE,
    MANTLE_METRICS,
    MANTLE_NAMESPACE,
    OWN_METRICS,
    AuditWindow,
    CoverageReport,
    Figures,
    MetricNames,
    MetricReader,
    MismatchReport,
    ModelCoverage,
    Quantity,
    SettledHour,
    compare,
    merge_models,
    read_figures,
)
from lambdas.domain.metering.metric_catalog import NAMESPACE

_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AuditCoverage:
    """Audits hours.

    Attributes:
        reader: Reads both sides.
        name_model: Names the foundation model behind a name of CloudWatch's: Bedrock counts calls
            through an application inference profile under the profile's id, the meter under the
            model's as soon as it is known.
        metered_since: When metering began; an hour that began before is not judged, since Bedrock
            has calls of it that no deployment could count.
    """

    reader: MetricReader
    name_model: Callable[[str], str] = str
    metered_since: datetime = _ALWAYS

    def __call__(self, moment: datetime) -> CoverageReport:
        """Audit the hour that should be complete at a moment.

        CloudWatch bills every metric that is read: calls are read each time; tokens where calls are
        missing; traffic of `bedrock-mantle`, which is not logged, then and once an hour.

        Raises:
            FiguresUnavailableError: Not all figures are to be had.
        """
        window = AuditWindow.at(moment)
        if window.start < self.metered_since:
            return CoverageReport(window, models=(), unlogged={})
        report = CoverageReport(window, self._compare(window, [Quantity.CALLS]), unlogged={})
        if not (report.is_short or window.is_hour_of_the_clock):
            return report
        models = self._compare(window, Quantity) if report.is_short else report.models
        mantle = self.reader.of_account(MANTLE_NAMESPACE, _spellings(MANTLE_METRICS), window)
        return CoverageReport(window, models, read_figures(mantle, MANTLE_METRICS))

    def audit_settled_hours(self, moment: datetime) -> MismatchReport:
        """Audit calls and tokens of the last two hours that have settled at a moment.

        Raises:
            FiguresUnavailableError: Not all figures are to be had.
        """
        windows = AuditWindow.settled_at(moment)
        if windows[0].start < self.metered_since:
            return MismatchReport(*(SettledHour(window, models=()) for window in windows))
        return MismatchReport(
            *(SettledHour(window, self._compare(window, Quantity)) for window in windows)
        )

    def _compare(
        self, window: AuditWindow, quantities: Iterable[Quantity]
    ) -> tuple[ModelCoverage, ...]:
        wanted = list(quantities)

        def figures(namespace: str, names: MetricNames) -> Mapping[str, Figures]:
            named = {it: names[it] for it in wanted if it in names}
            sums = self.reader.by_model(namespace, _spellings(named), window)
            by_model = {model: read_figures(of_it, named) for model, of_it in sums.items()}
            return merge_models(by_model, self.name_model)

        return compare(
            metered=figures(NAMESPACE, OWN_METRICS),
            bedrock=figures(BEDROCK_NAMESPACE, BEDROCK_METRICS),
        )


def _spellings(names: MetricNames) -> list[str]:
    return list(chain.from_iterable(names.values()))
