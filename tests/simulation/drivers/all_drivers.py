"""All drivers, and those that count calls, which every run needs."""

from __future__ import annotations

from tests.simulation.drivers.audit_writer import AuditWriterDriver
from tests.simulation.drivers.brake_controller import BrakeControllerDriver
from tests.simulation.drivers.brake_watchdog import BrakeWatchdogDriver
from tests.simulation.drivers.budget_builder import BudgetBuilderDriver
from tests.simulation.drivers.budget_evaluator import BudgetEvaluatorDriver
from tests.simulation.drivers.comparison_reporter import ComparisonReporterDriver
from tests.simulation.drivers.coverage_auditor import CoverageAuditorDriver
from tests.simulation.drivers.credit_booker import CreditBookerDriver
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.focus_exporter import FocusExporterDriver
from tests.simulation.drivers.forecast_calibrator import ForecastCalibratorDriver
from tests.simulation.drivers.gateway import GatewayDriver
from tests.simulation.drivers.limit_settler import LimitSettlerDriver
from tests.simulation.drivers.log_processor import LogProcessorDriver
from tests.simulation.drivers.logging_configurator import LoggingConfiguratorDriver
from tests.simulation.drivers.logging_watcher import LoggingWatcherDriver
from tests.simulation.drivers.metric_publisher import MetricPublisherDriver
from tests.simulation.drivers.price_refresher import PriceRefresherDriver
from tests.simulation.drivers.price_updater import PriceUpdaterDriver
from tests.simulation.drivers.traffic_auditor import TrafficAuditorDriver
from tests.simulation.drivers.usage_counter import UsageCounterDriver
from tests.simulation.drivers.usage_recounter import UsageRecounterDriver
from tests.simulation.drivers.webhook_router import WebhookRouterDriver
from tests.simulation.drivers.webhook_sender import WebhookSenderDriver
from tests.simulation.drivers.weekly_summarizer import WeeklySummarizerDriver

PIPELINE: tuple[type[Driver], ...] = (
    LogProcessorDriver,
    MetricPublisherDriver,
    UsageCounterDriver,
    UsageRecounterDriver,
    PriceUpdaterDriver,
    PriceRefresherDriver,
)
DRIVERS: tuple[type[Driver], ...] = (
    *PIPELINE,
    AuditWriterDriver,
    BrakeControllerDriver,
    BrakeWatchdogDriver,
    BudgetBuilderDriver,
    BudgetEvaluatorDriver,
    ComparisonReporterDriver,
    CoverageAuditorDriver,
    CreditBookerDriver,
    FocusExporterDriver,
    ForecastCalibratorDriver,
    GatewayDriver,
    LimitSettlerDriver,
    LoggingConfiguratorDriver,
    LoggingWatcherDriver,
    TrafficAuditorDriver,
    WebhookRouterDriver,
    WebhookSenderDriver,
    WeeklySummarizerDriver,
)
