"""Series that the meter cannot have published are found."""

from datetime import datetime, timedelta

import pytest

from cdk.config import Window
from lambdas.domain.completeness.forged_series import MAX_SERIES_READ, ForgedSeries
from lambdas.domain.metrics.aggregation import Dimensions
from lambdas.domain.metrics.catalog import IDENTITY_ARN, MODEL_ID, NAMESPACE, DimensionSet
from lambdas.services.find_forged_series import ForgedSeriesFinder
from tests.builders import NOON
from tests.fakes import InMemoryMetrics

HOUR_AGO = NOON - timedelta(hours=1)
OF_ANA: Dimensions = ((IDENTITY_ARN, "ana"),)
OF_HAIKU: Dimensions = ((MODEL_ID, "haiku"),)


def find(*values: tuple[Dimensions, datetime, int], name: str = "QuotaTokens") -> ForgedSeries:
    metrics = InMemoryMetrics()
    metrics.values += [(NAMESPACE, name, dimensions, at, value) for dimensions, at, value in values]
    return ForgedSeriesFinder(metrics, "QuotaTokens").find(NOON)


def test_genuine_series_are_not_reported() -> None:
    assert find((OF_ANA, HOUR_AGO, 0), (OF_HAIKU, HOUR_AGO, 7)).count == 0


def test_a_value_below_zero_is_found_even_if_the_sum_is_above_zero() -> None:
    found = find((OF_ANA, HOUR_AGO, -5), (OF_ANA, HOUR_AGO, 100), (OF_HAIKU, HOUR_AGO, -1))
    assert found.negative == {"ana": -5, "haiku": -1}
    assert found.count == 2


def test_a_value_dated_ahead_is_found_before_alarms_evaluate_it() -> None:
    assert find((OF_ANA, NOON + timedelta(minutes=90), -5)).count == 1


@pytest.mark.parametrize("window", Window)
def test_a_backdated_value_is_found_while_an_alarm_includes_it(window: Window) -> None:
    until_the_next_audit = timedelta(hours=1)
    dated = NOON - timedelta(seconds=window.seconds) - until_the_next_audit
    assert find((OF_ANA, dated, -5)).count == 1


def test_a_value_that_no_alarm_includes_any_more_is_not_reported() -> None:
    assert find((OF_ANA, NOON - timedelta(days=8, minutes=1), -5)).count == 0


def test_metrics_without_alarms_are_not_checked() -> None:
    assert find((OF_ANA, HOUR_AGO, -5), name="InvocationLatency").count == 0


def test_more_series_than_the_meter_can_publish_are_reported() -> None:
    series = [(((IDENTITY_ARN, f"role-{n}"),), HOUR_AGO, 1) for n in range(MAX_SERIES_READ)]
    assert find(*series).exceeded == (DimensionSet.IDENTITY,)
    assert find(*series[1:]).exceeded == ()
