"""Finds calls that no log of the deployment has: in other Regions, by jobs, at unnamed tiers."""

from lambdas.domain.unmetered.jobs import (
    ASYNC_ACTION,
    BATCH_EVENT,
    AsyncInvocation,
    BatchJob,
    async_notice,
    batch_notice,
    count_by_model,
)
from lambdas.domain.unmetered.ports import (
    AsyncInvocations,
    EnabledRegions,
    SentNotices,
    TrafficReader,
    TrafficUnavailableError,
)
from lambdas.domain.unmetered.regions import (
    ENABLED_STATUSES,
    RegionTraffic,
    is_first_deployment,
    region_keys,
    region_notice,
)
from lambdas.domain.unmetered.tiers import TierCalls, misread_tiers, tier_notice
from lambdas.domain.unmetered.traffic_report import TrafficReport, TrafficScope
from lambdas.domain.unmetered.traffic_window import traffic_window

__all__ = [
    "ASYNC_ACTION",
    "BATCH_EVENT",
    "ENABLED_STATUSES",
    "AsyncInvocation",
    "AsyncInvocations",
    "BatchJob",
    "EnabledRegions",
    "RegionTraffic",
    "SentNotices",
    "TierCalls",
    "TrafficReader",
    "TrafficReport",
    "TrafficScope",
    "TrafficUnavailableError",
    "async_notice",
    "batch_notice",
    "count_by_model",
    "is_first_deployment",
    "misread_tiers",
    "region_keys",
    "region_notice",
    "tier_notice",
    "traffic_window",
]
