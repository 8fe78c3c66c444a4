"""Compares the meter's counts with Bedrock's own metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple

from lambdas.domain.completeness import (
    ALL_MODELS,
    BEDROCK_METRICS,
    MANTLE_METRICS,
    OWN_METRICS,
    AuditWindow,
    CoverageReport,
    MetricNames,
    MetricReader,
    MismatchReport,
    ModelCoverage,
    OwnSeries,
    Quantity,
    SettledHour,
    Totals,
    compare,
    is_by_model,
    is_hour_by_model,
    max_series,
    merge_models,
    read_totals,
)
from lambdas.domain.completeness.counted_usage import CountedUsage
from lambdas.domain.metrics import DEFAULT_MAX_MODELS
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE, MANTLE_NAMESPACE
from lambdas.domain.metrics.catalog import NAMESPACE

_ALWAYS = datetime.min.replace(tzinfo=UTC)


class _Usage(NamedTuple):
    """The usage of a period by model, in the meter's metrics and in Bedrock's."""

    metered: Mapping[str, Totals]
    bedrock: Mapping[str, Totals]


@dataclass(frozen=True, slots=True)
class CoverageAuditor:
    """Audits hours.

    Attributes:
        reader: Reads both sides.
        name_model: Names the foundation model behind a name of CloudWatch's: Bedrock counts calls
            through an application inference profile under the profile's id, the meter under the
            model's as soon as it is known.
        max_models: The number of models a month that have metrics of their own.
        metered_since: The time at which metering began. An hour that began before is not judged:
            Bedrock has calls of it that no deployment could count.
        counters: The exact counters, which are compared as well; `None` where they are off.
    """

    reader: MetricReader
    name_model: Callable[[str], str] = str
    max_models: int = DEFAULT_MAX_MODELS
    metered_since: datetime = _ALWAYS
    counters: CountedUsage | None = None

    def audit(self, moment: datetime, *, with_tokens: bool = False) -> CoverageReport:
        """Audit the hour that should be complete at a moment.

        CloudWatch bills every metric that is read: calls are read each time, model by model unless
        there are too many; traffic of `bedrock-mantle`, which is not logged, once an hour.

        Args:
            moment: The time of the audit.
            with_tokens: Read tokens and the other traffic, too, and model by model, since a
                notification names models and says how much is missing.

        Raises:
            MetricReadError: CloudWatch did not return all sums.
        """
        window = AuditWindow.at(moment)
        if window.start < self.metered_since:
            return CoverageReport(window, models=(), unlogged={})
        if with_tokens or is_by_model(window, self._count_models()):
            quantities = Quantity if with_tokens else [Quantity.CALLS]
            usage = self._read_models(window, quantities, self._list_own(quantities))
        else:
            usage = self._read_sums(window, [Quantity.CALLS])
        models = compare(*usage)
        if not (with_tokens or window.is_hour_of_the_clock):
            return CoverageReport(window, models, unlogged={})
        mantle = self.reader.sum_account(MANTLE_NAMESPACE, _spellings(MANTLE_METRICS), window)
        return CoverageReport(window, models, read_totals(mantle, MANTLE_METRICS))

    def audit_settled_hours(self, moment: datetime) -> MismatchReport:
        """Audit calls and tokens of the last two hours that have settled at a moment.

        Exact counters are compared with the same figures of Bedrock's, so that this reads no more
        metrics.

        Raises:
            MetricReadError: CloudWatch did not return all sums.
        """
        earlier, later = AuditWindow.settled_at(moment)
        if earlier.start < self.metered_since:
            return MismatchReport(SettledHour(earlier, models=()), SettledHour(later, models=()))
        own = self._list_own(Quantity)
        is_by_model = is_hour_by_model(later, self._count_models())

        def compare_hour(window: AuditWindow) -> SettledHour:
            if is_by_model:
                usage = self._read_models(window, Quantity, own)
            else:
                usage = self._read_sums(window, Quantity)
            counted = self._compare_counters(window, usage, is_by_model=is_by_model)
            return SettledHour(window, compare(*usage), counted)

        exceeded = own.bound if own.is_exceeded else None
        return MismatchReport(compare_hour(earlier), compare_hour(later), exceeded)

    def _count_models(self) -> int:
        (calls,) = BEDROCK_METRICS[Quantity.CALLS]
        return self.reader.count_models(BEDROCK_NAMESPACE, calls)

    def _list_own(self, quantities: Iterable[Quantity]) -> OwnSeries:
        bound = max_series(self.max_models)
        names = _spellings(_select(OWN_METRICS, quantities))
        return OwnSeries(
            {name: self.reader.list_models(NAMESPACE, name, bound + 1) for name in names}, bound
        )

    def _read_models(
        self, window: AuditWindow, quantities: Iterable[Quantity], own: OwnSeries
    ) -> _Usage:
        def read_sums(
            sums_by_model: Mapping[str, Mapping[str, int]], names: MetricNames
        ) -> Mapping[str, Totals]:
            found = {model: read_totals(sums, names) for model, sums in sums_by_model.items()}
            return merge_models(found, self.name_model)

        names = _select(BEDROCK_METRICS, quantities)
        bedrock = self.reader.sum_by_model(BEDROCK_NAMESPACE, _spellings(names), window)
        selected = own.select(bedrock, self.name_model)
        metered = self.reader.sum_models(NAMESPACE, selected, window)
        return _Usage(
            metered=read_sums(metered, _select(OWN_METRICS, quantities)),
            bedrock=read_sums(bedrock, names),
        )

    def _read_sums(self, window: AuditWindow, quantities: Iterable[Quantity]) -> _Usage:
        def read_sums(namespace: str, names: MetricNames) -> Mapping[str, Totals]:
            sums = self.reader.sum_account(namespace, _spellings(names), window)
            return {ALL_MODELS: read_totals(sums, names)} if sums else {}

        return _Usage(
            metered=read_sums(NAMESPACE, _select(OWN_METRICS, quantities)),
            bedrock=read_sums(BEDROCK_NAMESPACE, _select(BEDROCK_METRICS, quantities)),
        )

    def _compare_counters(
        self, window: AuditWindow, usage: _Usage, *, is_by_model: bool
    ) -> tuple[ModelCoverage, ...] | None:
        """Compare exact counters. Calls without counts are in metrics alone, and taken from them.

        Returns:
            The models; `None` where counters are off or do not have all calls.
        """
        counted = self.counters.sum_by_model(window) if self.counters else None
        if counted is None:
            return None

        def name_model(name: str) -> str:
            return self.name_model(name) if is_by_model else ALL_MODELS

        def count_uncounted(model: str) -> int:
            return usage.metered.get(model, {}).get(Quantity.UNCOUNTED_CALLS, 0)

        metered = {
            model: {**totals, Quantity.UNCOUNTED_CALLS: count_uncounted(model)}
            for model, totals in merge_models(counted, name_model).items()
        }
        return compare(metered, usage.bedrock)


def _select(names: MetricNames, quantities: Iterable[Quantity]) -> MetricNames:
    return {quantity: names[quantity] for quantity in quantities if quantity in names}


def _spellings(names: MetricNames) -> list[str]:
    return list(chain.from_iterable(names.values()))
