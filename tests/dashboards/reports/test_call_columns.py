"""Columns of calls hold what each call adds to each metric."""

from math import isnan

from hypothesis import given
from hypothesis import strategies as st

from dashboards.reports.call_columns import CallColumns
from lambdas.domain.calls import EnrichedCall
from lambdas.domain.metrics.catalog import USAGE_METRICS
from lambdas.domain.pricing import Pricing, shipped_prices
from tests.builders import (
    BEN,
    NO_ATTRIBUTION,
    NOON,
    PRICING,
    enriched,
    readings,
    usage_record,
    usage_records,
)

ATTRIBUTIONS = (
    NO_ATTRIBUTION,
    NO_ATTRIBUTION._replace(project="search"),
    NO_ATTRIBUTION._replace(is_forged=True),
    NO_ATTRIBUTION._replace(is_disputed=True),
)
# Without assumed prices, at prices in one place, and at assumed ones.
PRICINGS = (PRICING, Pricing(shipped_prices(), assume_prices=False), Pricing(shipped_prices()))
calls = st.builds(
    enriched,
    st.one_of(usage_records, readings, readings.map(lambda call: call._replace(region="mars-1"))),
    st.sampled_from(PRICINGS),
    st.sampled_from(ATTRIBUTIONS),
)


def get_additions(call: EnrichedCall) -> list[float | None]:
    values = [metric.get_value(call, call.cost) for metric in USAGE_METRICS]
    return [None if value is None else float(value) for value in values]


def read_rows(columns: CallColumns) -> list[list[float | None]]:
    rows = range(len(columns.minutes))
    by_metric = [
        [None if isnan(value) else value for value in columns.get_values(metric, rows)]
        for metric in USAGE_METRICS
    ]
    return [list(row) for row in zip(*by_metric, strict=True)]


@given(st.lists(calls, min_size=1, max_size=8), st.data())
def test_columns_hold_what_each_call_adds_to_each_metric(
    some: list[EnrichedCall], data: st.DataObject
) -> None:
    columns = CallColumns()
    for call in some:
        columns.append(call)
    additions = [get_additions(call) for call in some]
    assert read_rows(columns) == additions
    rows = data.draw(st.lists(st.sampled_from(range(len(some))), unique=True))
    joined = CallColumns()
    joined.append(some[-1])
    joined.extend(columns, rows)
    assert read_rows(joined) == [additions[-1], *(additions[row] for row in rows)]


@given(calls)
def test_metrics_of_calls_count_a_call_once(call: EnrichedCall) -> None:
    for metric in USAGE_METRICS:
        assert not metric.counts_calls or metric.get_value(call, call.cost) in (None, 1)


def test_groups_and_minutes_of_chosen_calls_follow_them() -> None:
    first = enriched(usage_record(request_id="1"))
    second = enriched(usage_record(identity_arn=BEN, timestamp=NOON.replace(minute=7)))
    columns, joined = CallColumns(), CallColumns()
    columns.append(first)
    columns.append(second)
    joined.extend(columns, [1])
    assert [joined.examples[group] for group in joined.groups] == [second]
    assert list(joined.minutes) == [int(second.record.timestamp.timestamp()) // 60]
