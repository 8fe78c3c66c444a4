"""The names of the meter's alarms, by which their changes are recognized."""

from __future__ import annotations

from typing import Final

from lambdas.domain.metrics.catalog import (
    AUDIT_PROBLEMS,
    CONFLICTING_DUPLICATES,
    DISABLED_WEBHOOKS,
    FAILED_WEBHOOKS,
    FORGED_SERIES,
    HELD_PRICES,
    OVERFLOWING_CALLS,
    TAMPERED_CALLS,
)
from lambdas.meter_name import METER_NAME

ALARM_PREFIX: Final = f"{METER_NAME}-"
"""The prefix of the names of all alarms."""
HEALTH_ALARM_PREFIX: Final = f"{ALARM_PREFIX}Health-"
"""The prefix of the names of health alarms. The name of the check follows."""
ANOMALY_ALARMS: Final = ("Anomaly", "CostAnomaly")
"""The construct ids of the alarms on unusual usage: the one on tokens, and the one on cost."""
NEGATIVE_METRICS: Final = "NegativeMetrics"
UNPRICED_CALLS: Final = "UnpricedCalls"
UNPRICED_MODELS: Final = "UnpricedModels"
"""Health checks that no metric has the name of."""
WEBHOOK_CHECKS: Final = frozenset({DISABLED_WEBHOOKS.name, FAILED_WEBHOOKS.name})
"""Health checks that show that a receiver of webhooks misses events."""
CHECKS_WITHOUT_RECOVERY: Final = frozenset(
    {OVERFLOWING_CALLS.name, UNPRICED_CALLS, UNPRICED_MODELS, *WEBHOOK_CHECKS}
)
"""Health checks whose alarms end after a fixed time, which is no recovery."""
TAMPERING_CHECKS: Final = frozenset(
    {
        *(AUDIT_PROBLEMS.name, CONFLICTING_DUPLICATES.name, FORGED_SERIES.name),
        *(NEGATIVE_METRICS, TAMPERED_CALLS.name),
    }
)
"""Health checks that show that something else has changed or forged records."""
PRICE_CHECKS: Final = frozenset({HELD_PRICES.name})
"""Health checks that show prices which wait for an approval."""


def name_anomaly_alarm(construct_id: str) -> str:
    """Name an anomaly alarm."""
    return f"{ALARM_PREFIX}Account-{construct_id}"
