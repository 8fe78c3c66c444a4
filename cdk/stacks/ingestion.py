"""From Bedrock's invocation logs to the ledger, and from its stream to CloudWatch metrics."""

from __future__ import annotations

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from cdk.alarms.scheduled_functions import Scheduled
from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.logging_role import LoggingRole
from cdk.config import Config, stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.functions.log_processor import LogProcessor
from cdk.functions.logging_configurator import LoggingConfigurator
from cdk.functions.metric_publisher import MetricPublisher
from cdk.functions.price_refresher import PriceRefresher
from cdk.functions.price_updater import PriceUpdater
from cdk.stacks.storage import StorageStack

PRICE_UPDATER = "PriceUpdater"


class IngestionStack(Stack):
    """The functions that count, their triggers, and Bedrock's logging configuration.

    Attributes:
        metered_group: The name of the metered log group: the meter's own, or an adopted one.
        log_processor: Writes calls to the ledger.
        metric_publisher: Publishes metrics of them.
        scheduled: The functions that follow prices, as their alarms watch them.
        logging_role: The role with which Bedrock writes logs.
        logging_configurator: Switches Bedrock's logging on and off.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        environment: Environment,
    ) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            stack_name=stack_names.INGESTION,
            description="Bedrock Meter: from invocation logs to the ledger and to metrics",
            env=environment,
        )
        defaults = FunctionDefaults(self, config=config, data_key=storage.data_key)
        failures = FailureDestination(storage.failures, storage.key)
        self.metered_group = config.adopted_log_group or storage.log_group.log_group_name

        caller_role = caller_role_name(self.region) if config.gateway else None
        self.log_processor = LogProcessor(
            self,
            "LogProcessor",
            defaults=defaults,
            metered_group=self.metered_group,
            ledger=storage.ledger,
            quarantine=storage.quarantine,
            failures=failures,
            caller_role=caller_role,
        )
        self.metric_publisher = MetricPublisher(
            self,
            "MetricPublisher",
            defaults=defaults,
            ledger=storage.ledger,
            state=storage.state,
            prices=storage.prices,
            failures=failures,
            caller_role=caller_role,
        )
        self.scheduled = self._make_price_functions(storage, defaults)
        self.logging_role = LoggingRole(
            self, "LoggingRole", log_group_name=storage.log_group.log_group_name
        )
        self.logging_configurator = self._configure_logging(storage, defaults)
        CfnOutput(self, "LogProcessorName", value=self.log_processor.function_name)
        CfnOutput(self, "MetricPublisherName", value=self.metric_publisher.function_name)
        if config.adopted_log_group is not None:
            CfnOutput(self, "AdoptedLogGroupName", value=config.adopted_log_group)

    def _make_price_functions(
        self, storage: StorageStack, defaults: FunctionDefaults
    ) -> list[Scheduled]:
        """Make the functions that follow prices."""
        refresher = PriceRefresher(
            self,
            "PriceRefresher",
            defaults=defaults,
            ledger=storage.ledger,
            state=storage.state,
            prices=storage.prices,
        )
        CfnOutput(self, "PriceRefresherName", value=refresher.function_name)
        if not defaults.config.price_updates:
            return [refresher.scheduled]
        updater = PriceUpdater(self, PRICE_UPDATER, defaults=defaults, prices=storage.prices)
        CfnOutput(self, "PriceUpdaterName", value=updater.function_name)
        return [refresher.scheduled, updater.scheduled]

    def _configure_logging(
        self, storage: StorageStack, defaults: FunctionDefaults
    ) -> LoggingConfigurator:
        """Make the function that configures Bedrock's logging, and switch logging on last."""
        configurator = LoggingConfigurator(
            self,
            "LoggingConfigurator",
            defaults=defaults,
            log_group=storage.log_group,
            metered_group=self.metered_group,
            logging_role=self.logging_role,
            logging_state=storage.logging_state,
            state=storage.state,
        )
        configurator.switch_logging_on(after=self.log_processor.subscription)
        return configurator
