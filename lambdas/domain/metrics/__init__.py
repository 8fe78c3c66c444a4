"""CloudWatch metrics: the catalog, and how calls add up to data points."""

from lambdas.domain.metrics.aggregation import DataPoint, Distribution, StatisticSet, aggregate
from lambdas.domain.metrics.dimension_limits import DimensionLimits
from lambdas.domain.metrics.metered_call import DimensionNamer, MeteredCall
from lambdas.domain.metrics.publishing import MetricPublishing, PublishingStop

__all__ = [
    "DataPoint",
    "DimensionLimits",
    "DimensionNamer",
    "Distribution",
    "MeteredCall",
    "MetricPublishing",
    "PublishingStop",
    "StatisticSet",
    "aggregate",
]
