"""The grant to publish metrics, in the meter's namespace and no other."""

from __future__ import annotations

from cdk.components.meter_function import MeterFunction
from lambdas.domain.metrics.catalog import NAMESPACE


def grant_put_metrics(function: MeterFunction) -> None:
    """Grant publishing of metrics in the meter's namespace."""
    function.grant(
        "cloudwatch:PutMetricData",
        on="*",
        conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
        wildcard="The action supports no resource; the condition names the meter's namespace.",
    )
