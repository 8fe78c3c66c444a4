"""CloudWatch metrics: the catalog, and how calls add up to data points."""

from lambdas.domain.metrics.aggregation import (
    MAX_DISTRIBUTION_SIZE,
    DataPoint,
    Dimensions,
    Distribution,
    StatisticSet,
    aggregate,
)
from lambdas.domain.metrics.dimension_limits import DimensionLimits
from lambdas.domain.metrics.metered_call import DimensionNamer, DimensionValues, MeteredCall
from lambdas.domain.metrics.model_limit import (
    DEFAULT_MAX_MODELS,
    MAX_MODELS_OF_IDENTITIES,
    OTHER_MODELS,
)
from lambdas.domain.metrics.project_limit import MAX_PROJECTS, OTHER_PROJECTS
from lambdas.domain.metrics.publish_report import PublishReport
from lambdas.domain.metrics.publishing import NO_TIME, MetricPublishing, PublishingStop
from lambdas.domain.metrics.role_roll_up import (
    DEFAULT_MAX_SERIES,
    OTHER_IDENTITIES,
    SESSIONS_PER_ROLE,
    Admission,
    RoleRollUp,
    get_role,
)
from lambdas.domain.metrics.sink import (
    MAX_CLOCK_DIFFERENCE,
    NEWEST,
    OLDEST,
    MetricsUnavailableError,
    get_metric_time,
    is_taken,
)

__all__ = [
    "DEFAULT_MAX_MODELS",
    "DEFAULT_MAX_SERIES",
    "MAX_CLOCK_DIFFERENCE",
    "MAX_DISTRIBUTION_SIZE",
    "MAX_MODELS_OF_IDENTITIES",
    "MAX_PROJECTS",
    "NEWEST",
    "NO_TIME",
    "OLDEST",
    "OTHER_IDENTITIES",
    "OTHER_MODELS",
    "OTHER_PROJECTS",
    "SESSIONS_PER_ROLE",
    "Admission",
    "DataPoint",
    "DimensionLimits",
    "DimensionNamer",
    "DimensionValues",
    "Dimensions",
    "Distribution",
    "MeteredCall",
    "MetricPublishing",
    "MetricsUnavailableError",
    "PublishReport",
    "PublishingStop",
    "RoleRollUp",
    "StatisticSet",
    "aggregate",
    "get_metric_time",
    "get_role",
    "is_taken",
]
