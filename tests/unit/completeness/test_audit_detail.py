"""Audits read a bounded number of metrics and still cover every minute."""

from datetime import timedelta
from itertools import pairwise

import pytest

from lambdas.domain.completeness import (
    MAX_MODELS_READ,
    AuditWindow,
    is_by_model,
    is_hour_by_model,
)
from tests.builders import NOON

STEP, HOUR = timedelta(minutes=5), timedelta(hours=1)
WINDOWS = [AuditWindow.at(NOON + number * STEP) for number in range(1_200)]
HOURS = [AuditWindow.settled_at(NOON + number * HOUR)[1] for number in range(600)]


@pytest.mark.parametrize("models", [0, 1, MAX_MODELS_READ])
def test_each_audit_is_per_model_up_to_the_limit(models: int) -> None:
    assert all(is_by_model(window, models) for window in WINDOWS)
    assert all(is_hour_by_model(hour, models) for hour in HOURS)


@pytest.mark.parametrize("models", [MAX_MODELS_READ + 1, 400, 1_000, 1_200, 9_999])
def test_audits_read_no_more_metrics_beyond_the_limit(models: int) -> None:
    audits = sum(is_by_model(window, models) for window in WINDOWS)
    assert 0 < audits * models <= len(WINDOWS) * MAX_MODELS_READ
    settled = sum(is_hour_by_model(hour, models) for hour in HOURS)
    assert 0 < settled * models <= len(HOURS) * MAX_MODELS_READ


@pytest.mark.parametrize("models", [201, 1_000, 1_200])
def test_audits_per_model_run_in_pairs_and_cover_each_minute(models: int) -> None:
    chosen = [window for window in WINDOWS if is_by_model(window, models)]
    gaps = {later.end - earlier.end for earlier, later in pairwise(chosen)}
    assert STEP in gaps  # the alarm needs two consecutive audits
    assert all(later.start <= earlier.end for earlier, later in pairwise(chosen))
