"""The cost of a verification, from the dated prices of `make cost` and the price book."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from cdk.config import Config
from cdk.operations.billed_metrics import HOURS_A_MONTH, Usage
from cdk.operations.cost_items import UnitPrices
from cdk.operations.running_cost import running_cost
from cdk.operations.verification.model_calls import CALLS, PricedModel

_MINUTES = 30
"""Expected, not measured: two thirds are CloudFormation's."""
_MINUTES_OF_BRAKE = 10  # IAM's delays, and the meter's own schedules
_CALLS_OF_BRAKE = 11  # times the other calls: three waits, each of at most 70 calls
_MINUTES_OF_GATEWAY = 3  # a new policy, and the caller's calls in the ledger
_CALLS_OF_GATEWAY = 8  # times the other calls: two waits
_BILLED_HOURS = 2  # half an hour can touch two, and CloudWatch bills metrics by the hour
_METRICS_READ = 5_000  # taken high: all graphs once, and a metric at each look


def estimate_minutes(config: Config) -> int:
    """Estimate how long a verification takes."""
    brake = _MINUTES_OF_BRAKE if config.brake else 0
    return _MINUTES + brake + (_MINUTES_OF_GATEWAY if config.gateway else 0)


def estimate_usd(config: Config, models: Sequence[PricedModel]) -> Decimal:
    """Estimate the most that a verification costs, whichever model it may use."""
    prices = UnitPrices()
    month = sum((item.usd for item in running_cost(Usage(CALLS, 1, 1), config, prices)), Decimal(0))
    reads = Decimal(_METRICS_READ) / 1000 * prices["metrics_read_1000"]
    calls = 1 + _CALLS_OF_BRAKE * config.brake + _CALLS_OF_GATEWAY * config.gateway
    return month / HOURS_A_MONTH * _BILLED_HOURS + reads + max(models).usd * calls
