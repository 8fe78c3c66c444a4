"""The health checks of all configurations, by which alarms of others are recognized."""

from __future__ import annotations

from typing import Final

HEALTH_CHECKS: Final = frozenset(
    """
    AuditAge AuditProblems AuditWriterErrors AuditWriterNotStarted BrakeControllerErrors
    BrakeControllerNotStarted BrakeWatchdogErrors BrakeWatchdogNotStarted BudgetBuilderErrors
    BudgetBuilderNotStarted BudgetDrift BudgetEvaluatorErrors BudgetEvaluatorNotStarted
    BusySubjects ComparisonReporterErrors ComparisonReporterSlow ConflictingDuplicates
    ContestedDenies CounterAge Coverage CoverageAuditorErrors CoverageAuditorNotStarted
    CreditBookerErrors CreditBookerNotStarted CreditDelays CreditMismatch DelayedDenies
    DeliveryAge DeploymentDrift DisabledWebhooks DroppedBatches DroppedDeliveries
    ExcessiveDenies FailedWebhooks FocusExporterErrors FocusExporterNotStarted FocusExporterSlow
    ForecastCalibratorErrors ForecastCalibratorNotStarted ForgedSeries GatewayErrors
    GatewayThrottles HealthMetricsMissing HeldPrices LateCalls LimitSettlerErrors
    LimitSettlerNotStarted LimitThrottles LimitsUnavailable LogDeliveryFailures
    LogProcessorDestinationFailures LogProcessorErrors LogProcessorThrottles
    LoggingWatcherErrors LoggingWatcherNotStarted MetricPublisherDestinationFailures
    MetricPublisherErrors MetricPublisherThrottles NegativeMetrics NoData OverdueDenies
    OverflowingCalls PriceListAge PriceRefresherErrors PriceRefresherNotStarted
    PriceRefresherSilent PriceUpdaterErrors PriceUpdaterNotStarted RejectedRecords
    ReturnedReservations StreamAge TamperedCalls TrafficAuditorErrors TrafficAuditorNotStarted
    UnbuiltBudgets UncheckedCalls UnknownKeys UnloggedTraffic UnpricedCalls UnpricedModels
    UnpublishedBatches UnpublishedRecords UnreadableRegions UnroutedEvents UnsentWebhooks
    UsageCounterErrors UsageCounterThrottles UsageMismatch UsageRecounterErrors
    UsageRecounterNotStarted WebhookDelays WebhookRouterErrors WebhookSenderErrors
    WeeklySummarizerErrors WeeklySummarizerNotStarted WeeklySummarizerSlow
    """.split()
)
"""The names of the health checks. A test compares them with those that are deployed."""
