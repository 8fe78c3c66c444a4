"""The topic of notifications, the alarms, dashboards and saved queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import ArnFormat, CfnOutput, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from constructs import Construct

from cdk.alarms.audit_checks import AUDIT_AGE, audit_checks
from cdk.alarms.brake_checks import brake_checks
from cdk.alarms.counter_checks import COUNTER_AGE, USAGE_COUNTER, counter_checks
from cdk.alarms.credit_checks import CREDIT_BOOKER, credit_checks
from cdk.alarms.gateway_checks import GATEWAY_ALARMS, gateway_checks
from cdk.alarms.health_alarms import HealthAlarms
from cdk.alarms.health_check import HealthCheck, Watched
from cdk.alarms.price_checks import price_list_checks
from cdk.alarms.scheduled_functions import Scheduled
from cdk.alarms.thresholds import COST, alarm_thresholds
from cdk.alarms.usage_alarms import AnomalyAlarm, UsageAlarm
from cdk.alarms.webhook_checks import WEBHOOK_ALARMS, webhook_checks
from cdk.components.audit_protection import AUDIT_WRITER
from cdk.components.dashboards import (
    BUDGET_EVALUATOR,
    NAMES,
    DeployedNames,
    choose_budget_dashboard,
    dashboard_body,
    dashboard_name,
    dashboard_url,
    deployed_dashboards,
)
from cdk.components.event_patterns import alarm_changes
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables
from cdk.components.health_lines import list_health_lines
from cdk.components.log_queries import ContributorRules, SavedQueries
from cdk.components.meter_function import name_function
from cdk.components.notification_topic import NotificationTopic, TopicTarget
from cdk.components.recovery_notices import RecoveryNotices
from cdk.components.safeguard_rules import grant_read_mappings
from cdk.config import Config, stack_names
from cdk.config.resource_names import (
    NAME_PREFIX,
    WEBHOOK_EVENTS,
    WEBHOOK_ROUTER,
    WEBHOOK_SENDER,
)
from cdk.functions.budget_evaluator import BudgetEvaluator
from cdk.functions.coverage_auditor import CoverageAuditor
from cdk.functions.credit_booker import CreditBooker
from cdk.functions.logging_watcher import LoggingWatcher
from cdk.functions.traffic_auditor import TrafficAuditor
from cdk.functions.weekly_summarizer import WeeklySummarizer
from cdk.stacks.gateway import GATEWAY, LIMIT_SETTLER, GatewayStack
from cdk.stacks.governance import (
    BRAKE_CONTROLLER,
    BRAKE_WATCHDOG,
    BUDGET_BUILDER,
    FORECAST_CALIBRATOR,
    USAGE_RECOUNTER,
    GovernanceStack,
)
from cdk.stacks.ingestion import PRICE_UPDATER, IngestionStack
from cdk.stacks.reporting import COMPARISON_REPORTER, FOCUS_EXPORTER, ReportingStack
from cdk.stacks.storage import StorageStack
from cdk.stacks.webhooks import WebhooksStack
from lambdas.domain.alarms.names import ANOMALY_ALARMS
from lambdas.domain.metrics.catalog import (
    AUDIT_PROBLEMS,
    BUDGET_DRIFT,
    REJECTED_RECORDS,
    UNBUILT_BUDGETS,
    USAGE_MISMATCH,
    DimensionSet,
)

WEEKLY_SUMMARIZER = "WeeklySummarizer"


class MonitoringStack(Stack):
    """Stateless: deleting it loses no data, but e-mail addresses have to confirm again.

    Attributes:
        topic: The topic of all notifications.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        ingestion: IngestionStack,
        reporting: ReportingStack | None,
        governance: GovernanceStack | None,
        gateway: GatewayStack | None,
        webhooks: WebhooksStack | None,
        environment: Environment,
    ) -> None:
        """Make the stack; an optional stack is `None` where it is not switched on."""
        super().__init__(
            scope,
            construct_id,
            stack_name=stack_names.MONITORING,
            description="Bedrock Meter: notifications, alarms and dashboards",
            env=environment,
        )
        self._config = config
        self._thresholds = alarm_thresholds(config)
        self.topic = NotificationTopic(self, "Notifications", config=config, key=storage.key)

        defaults = FunctionDefaults(self, config=config, data_key=storage.data_key)
        coverage_auditor = CoverageAuditor(
            self,
            "CoverageAuditor",
            defaults=defaults,
            topic=self.topic,
            state=storage.state,
            counters=storage.counters if governance else None,
        )
        traffic_auditor = TrafficAuditor(
            self, "TrafficAuditor", defaults=defaults, topic=self.topic, state=storage.state
        )
        logging_watcher = self._make_logging_watcher(
            storage,
            ingestion,
            defaults,
            optional=[
                *_list_stream_functions(governance),
                *_name_webhook_functions(webhooks).values(),
            ],
        )
        for optional in filter(None, (reporting, governance, gateway, webhooks)):
            self.add_stack_dependency(optional, "LoggingWatcher reads its template")
        if webhooks:
            self.topic.send_events_to(WEBHOOK_EVENTS)

        self._make_usage_alarms()
        self._make_anomaly_alarms()
        scheduled = [
            coverage_auditor.scheduled,
            logging_watcher.scheduled,
            traffic_auditor.scheduled,
            *ingestion.scheduled,
            *(reporting.scheduled if reporting else ()),
            *(governance.scheduled if governance else ()),
            *(gateway.scheduled if gateway else ()),
            *self._make_weekly_summarizer(storage, defaults),
            *(self._make_budget_evaluator(storage, defaults) if governance else ()),
            *(self._make_credit_booker(storage, defaults) if config.credits else ()),
        ]
        health = self._make_health_alarms(
            ingestion,
            scheduled,
            [
                *(price_list_checks() if config.price_updates else ()),
                *_list_governance_checks(governance),
                *(brake_checks() if config.brake else ()),
                *(credit_checks() if config.credits else ()),
                *_list_gateway_checks(gateway, storage),
                *_list_webhook_checks(webhooks),
            ],
        )
        coverage_auditor.start_on_alarms(
            *(health.alarms[name] for name in ("Coverage", USAGE_MISMATCH.name))
        )
        self._make_dashboards(
            ingestion,
            missing=[
                *_find_missing(scheduled),
                *(() if gateway else [LIMIT_SETTLER, *GATEWAY_ALARMS]),
                *(() if webhooks else WEBHOOK_ALARMS),
            ],
            limits_table=storage.limits.table_name,
        )
        if config.saved_queries:
            SavedQueries(self, "Queries", log_group_name=ingestion.metered_group)
        if config.contributor_insights:
            ContributorRules(self, "Contributors", log_group_name=ingestion.metered_group)
        CfnOutput(self, "TopicArn", value=self.topic.topic_arn)
        CfnOutput(self, "TestAlarmName", value=health.alarms[REJECTED_RECORDS.name].alarm_name)

    def _make_logging_watcher(
        self,
        storage: StorageStack,
        ingestion: IngestionStack,
        defaults: FunctionDefaults,
        *,
        optional: Sequence[str],
    ) -> LoggingWatcher:
        """Make the watcher; `optional` names functions of optional stacks that mappings start."""
        watcher = LoggingWatcher(
            self,
            "LoggingWatcher",
            defaults=defaults,
            log_group=ingestion.metered_group,
            log_processor=ingestion.log_processor,
            logging_role=ingestion.logging_role,
            deploying_role=ingestion.logging_configurator.execution_role,
            logging_state=storage.logging_state,
            tables=storage.tables,
            state=storage.state,
            stream_mapping=ingestion.metric_publisher.stream_mapping,
            topic=self.topic,
        )
        if optional:
            grant_read_mappings(watcher, of_functions=optional)
        return watcher

    def _make_weekly_summarizer(
        self, storage: StorageStack, defaults: FunctionDefaults
    ) -> list[Scheduled]:
        if not self._config.has_weekly_summary:
            return []
        summarizer = WeeklySummarizer(
            self,
            WEEKLY_SUMMARIZER,
            defaults=defaults,
            ledger=storage.ledger,
            state=storage.state,
            prices=storage.prices,
            topic=self.topic,
            dashboard_url=dashboard_url("usage_overview", self.region),
        )
        return [summarizer.scheduled]

    def _make_budget_evaluator(
        self, storage: StorageStack, defaults: FunctionDefaults
    ) -> list[Scheduled]:
        evaluator = BudgetEvaluator(
            self,
            BUDGET_EVALUATOR,
            defaults=defaults,
            tables=GoverningTables(storage.counters, storage.governance),
            topic=self.topic,
            dashboard_url=dashboard_url(choose_budget_dashboard(self._config), self.region),
            limits=storage.limits if self._config.gateway else None,
        )
        return [evaluator.scheduled]

    def _make_credit_booker(
        self, storage: StorageStack, defaults: FunctionDefaults
    ) -> list[Scheduled]:
        booker = CreditBooker(
            self,
            CREDIT_BOOKER,
            defaults=defaults,
            tables=GoverningTables(storage.counters, storage.governance),
            topic=self.topic,
            dashboard_url=dashboard_url("credits", self.region),
        )
        CfnOutput(self, "CreditBookerName", value=booker.function_name)
        if actions := defaults.config.credits_exhausted:
            CfnOutput(self, "CreditActions", value=" ".join(actions))
        return [booker.scheduled]

    def _make_usage_alarms(self) -> None:
        grouped = []
        for threshold in self._thresholds:
            is_identity = threshold.dimension_set is DimensionSet.IDENTITY
            dashboard = "identity_detail" if is_identity else "usage_overview"
            alarm = UsageAlarm(
                self,
                threshold=threshold,
                dashboard_url=dashboard_url(dashboard, self.region),
            )
            self._add_notification(alarm)
            if threshold.is_grouped:
                grouped.append(alarm)
        self._add_partial_data_notification(grouped)

    def _make_anomaly_alarms(self) -> None:
        if not self._config.anomaly_band:
            return
        metrics = (self._config.alarm_metric, COST)
        for name, metric_name in zip(ANOMALY_ALARMS, metrics, strict=True):
            alarm = AnomalyAlarm(
                self,
                name,
                width=self._config.anomaly_band,
                metric_name=metric_name,
                dashboard_url=dashboard_url("usage_overview", self.region),
            )
            self._add_notification(alarm)

    def _make_health_alarms(
        self,
        ingestion: IngestionStack,
        scheduled: Sequence[Scheduled],
        optional: Sequence[HealthCheck],
    ) -> HealthAlarms:
        health = HealthAlarms(
            self,
            "Health",
            watched=Watched(
                ingestion.log_processor,
                ingestion.metric_publisher,
                ingestion.metric_publisher.stream_mapping,
            ),
            scheduled=scheduled,
            optional=optional,
            dashboard_url=dashboard_url("pipeline_health", self.region),
        )
        for alarm in health.alarms.values():
            self._add_notification(alarm)
        RecoveryNotices(self, "Recovery", topic=self.topic, without=health.without_recovery)
        return health

    def _add_notification(self, alarm: cloudwatch.AlarmBase) -> None:
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _add_partial_data_notification(self, alarms: Sequence[cloudwatch.Alarm]) -> None:
        """Notify when a grouped alarm no longer sees every series.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-alarms-partial-data.html
        """
        rule = events.Rule(
            self,
            "PartialData",
            description="Bedrock Meter: an alarm cannot evaluate all its series",
            event_pattern=alarm_changes(
                {
                    "alarmName": [alarm.alarm_name for alarm in alarms],
                    "state": {"evaluationState": ["PARTIAL_DATA"]},
                }
            ),
        )
        text = (
            f"Bedrock Meter: alarm {events.EventField.from_path('$.detail.alarmName')} watches more"
            " series than CloudWatch can evaluate, and may miss some. Lower max_identities, or roll"
            " up more sessions to their roles (role_rollup_patterns)."
        )
        rule.add_target(TopicTarget(self.topic, message=events.RuleTargetInput.from_text(text)))

    def _make_dashboards(
        self, ingestion: IngestionStack, *, missing: Sequence[str], limits_table: str
    ) -> None:
        deployed = deployed_dashboards(self._config)
        names = DeployedNames(
            region=self.region,
            alarms=self.format_arn(
                service="cloudwatch",
                resource="alarm",
                resource_name="",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            log_group=ingestion.metered_group,
            stream_mapping=ingestion.metric_publisher.stream_mapping.attr_id,
            limits_table=limits_table,
        )
        for file in deployed:
            body = dashboard_body(
                file,
                names=names,
                deployed=deployed,
                config=self._config,
                missing=missing,
                health_lines=list_health_lines(),
            )
            cloudwatch.CfnDashboard(
                self,
                NAMES[file].removeprefix(NAME_PREFIX),
                dashboard_name=dashboard_name(file, self.region),
                dashboard_body=self.to_json_string(body),
            )
        CfnOutput(self, "DashboardUrl", value=dashboard_url("usage_overview", self.region))


def _list_stream_functions(governance: GovernanceStack | None) -> list[str]:
    """List the names of the governance stack's functions that streams start."""
    if governance is None:
        return []
    names = (governance.usage_counter.fixed_name, governance.audit_writer.fixed_name)
    return [*filter(None, names)]


def _list_governance_checks(governance: GovernanceStack | None) -> list[HealthCheck]:
    """List the health checks of the counters and the audit trail, where they are switched on."""
    if governance is None:
        return []
    counter, writer = _list_stream_functions(governance)
    return [*counter_checks(counter), *audit_checks(writer)]


def _list_gateway_checks(
    gateway: GatewayStack | None, storage: StorageStack
) -> Iterable[HealthCheck]:
    """List the health checks of the gateway, where it is switched on."""
    if gateway is None:
        return ()
    return gateway_checks(name_function(stack_names.GATEWAY, GATEWAY), storage.limits.table_name)


def _list_webhook_checks(webhooks: WebhooksStack | None) -> Iterable[HealthCheck]:
    """List the health checks of webhooks, where they are switched on."""
    return webhook_checks(names) if (names := _name_webhook_functions(webhooks)) else ()


def _name_webhook_functions(webhooks: WebhooksStack | None) -> dict[str, str]:
    """Name the functions of webhooks, where they are switched on."""
    if webhooks is None:
        return {}
    functions = (WEBHOOK_ROUTER, WEBHOOK_SENDER)
    return {each: name_function(stack_names.WEBHOOKS, each) for each in functions}


def _find_missing(scheduled: Iterable[Scheduled]) -> list[str]:
    """List the alarm names of functions that are switched off."""
    functions = {function.name for function in scheduled}
    missing = {FOCUS_EXPORTER, COMPARISON_REPORTER, PRICE_UPDATER, WEEKLY_SUMMARIZER} - functions
    if USAGE_RECOUNTER not in functions:
        missing |= {COUNTER_AGE, USAGE_COUNTER, USAGE_RECOUNTER, BUDGET_BUILDER}
        missing |= {BUDGET_EVALUATOR, BUDGET_DRIFT.name, FORECAST_CALIBRATOR}
        missing.add(UNBUILT_BUDGETS.name)
        missing |= {AUDIT_WRITER, AUDIT_AGE, AUDIT_PROBLEMS.name}
    if BRAKE_CONTROLLER not in functions:
        missing |= {BRAKE_CONTROLLER, BRAKE_WATCHDOG, *(check.name for check in brake_checks())}
    if CREDIT_BOOKER not in functions:
        missing |= {CREDIT_BOOKER, *(check.name for check in credit_checks())}
    if LIMIT_SETTLER not in functions:
        missing |= {LIMIT_SETTLER, *GATEWAY_ALARMS}
    if PRICE_UPDATER in missing:
        missing |= {check.name for check in price_list_checks()}
    return sorted(missing)
