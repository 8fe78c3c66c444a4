"""CloudWatch metrics: the catalog, and how calls add up to data points."""

from lambdas.domain.metrics.aggregation import DataPoint, Distribution, StatisticSet, aggregate

__all__ = ["DataPoint", "Distribution", "StatisticSet", "aggregate"]
