"""Decides when audits compare model by model: each metric that is read costs money."""

from __future__ import annotations

from datetime import timedelta

from lambdas.domain.completeness.audit_window import STEP, AuditWindow
from lambdas.domain.completeness.coverage import AUDITS_RUNNING

MAX_MODELS_READ = 200
"""The number of Bedrock's models that each audit compares. A profile counts as one.

With more, audits compare model by model as much more rarely, and the sums of the account between.
"""
ALL_MODELS = "all models"
"""The name of the account's sums in a report."""
_HOUR = timedelta(hours=1)


def is_by_model(window: AuditWindow, models: int) -> bool:
    """Say if an audit of a window compares model by model: in pairs, since an alarm needs two.

    Up to 1,200 models, one audit or another covers each minute.
    """
    cycle = AUDITS_RUNNING * _share(models)
    return _number(window, STEP) % cycle < AUDITS_RUNNING


def is_hour_by_model(later: AuditWindow, models: int) -> bool:
    """Return true when the audit of two settled hours, by the later one, goes model by model."""
    return _number(later, _HOUR) % _share(models) == 0


def _share(models: int) -> int:
    """Divide models among enough audits that no audit reads too many in the long run."""
    return max(1, -(-models // MAX_MODELS_READ))


def _number(window: AuditWindow, step: timedelta) -> int:
    return int(window.end.timestamp() // step.total_seconds())
