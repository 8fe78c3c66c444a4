"""Compares what the meter has counted with Bedrock's own metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from lambdas.domain.completeness import (
    ALL_MODELS,
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
    is_by_model,
    is_hour_by_model,
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

    def __call__(self, moment: datetime, *, with_tokens: bool = False) -> CoverageReport:
        """Audit the hour that should be complete at a moment.

        CloudWatch bills every metric that is read: calls are read each time, model by model unless
        there are too many; traffic of `bedrock-mantle`, which is not logged, once an hour.

        Args:
            moment: The time of the audit.
            with_tokens: Read tokens and the other traffic, too, and model by model, since a
                notification names models and says how much is missing.

        Raises:
            FiguresUnavailableError: Not all figures are to be had.
        """
        window = AuditWindow.at(moment)
        if window.start < self.metered_since:
            return CoverageReport(window, models=(), unlogged={})
        models = self._compare(
            window,
            Quantity if with_tokens else [Quantity.CALLS],
            by_model=with_tokens or is_by_model(window, self._count_models()),
        )
        if not (with_tokens or window.is_hour_of_the_clock):
            return CoverageReport(window, models, unlogged={})
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
        by_model = is_hour_by_model(windows[1], self._count_models())
        return MismatchReport(
            *(
                SettledHour(window, self._compare(window, Quantity, by_model=by_model))
                for window in windows
            )
        )

    def _count_models(self) -> int:
        (calls,) = BEDROCK_METRICS[Quantity.CALLS]
        return self.reader.count_models(BEDROCK_NAMESPACE, calls)

    def _compare(
        self, window: AuditWindow, quantities: Iterable[Quantity], *, by_model: bool
    ) -> tuple[ModelCoverage, ...]:
        wanted = list(quantities)

        def figures(namespace: str, names: MetricNames) -> Mapping[str, Figures]:
            named = {quantity: names[quantity] for quantity in wanted if quantity in names}
            if not by_model:
                sums = self.reader.of_account(namespace, _spellings(named), window)
                return {ALL_MODELS: read_figures(sums, named)} if sums else {}
            sums_by_model = self.reader.by_model(namespace, _spellings(named), window)
            return merge_models(
                {model: read_figures(sums, named) for model, sums in sums_by_model.items()},
                self.name_model,
            )

        return compare(
            metered=figures(NAMESPACE, OWN_METRICS),
            bedrock=figures(BEDROCK_NAMESPACE, BEDROCK_METRICS),
        )


def _spellings(names: MetricNames) -> list[str]:
    return list(chain.from_iterable(names.values()))
