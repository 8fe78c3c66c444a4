"""Exact counters of usage, the sums of budgets, and the audit trail; optional."""

from __future__ import annotations

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from cdk.alarms.scheduled_functions import Scheduled
from cdk.components.audit_protection import AUDIT_WRITER
from cdk.components.brake_policies import DenyPolicy
from cdk.components.dashboards import BUDGET_EVALUATOR
from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables
from cdk.components.meter_function import name_function
from cdk.components.usage_counting import CountingStores
from cdk.config import Config, stack_names
from cdk.functions.audit_writer import AuditStores, AuditWriter
from cdk.functions.brake_controller import BrakeController
from cdk.functions.brake_watchdog import BrakeWatchdog
from cdk.functions.budget_builder import BudgetBuilder
from cdk.functions.forecast_calibrator import ForecastCalibrator
from cdk.functions.usage_counter import UsageCounter
from cdk.functions.usage_recounter import UsageRecounter
from cdk.stacks.storage import StorageStack

BUDGET_BUILDER = "BudgetBuilder"
FORECAST_CALIBRATOR = "ForecastCalibrator"
USAGE_RECOUNTER = "UsageRecounter"
BRAKE_CONTROLLER = "BrakeController"
BRAKE_WATCHDOG = "BrakeWatchdog"


class GovernanceStack(Stack):
    """Functions that count usage exactly, build budgets, calibrate forecasts, audit and brake.

    Storage has their tables.

    Attributes:
        usage_counter: Counts the ledger's stream.
        audit_writer: Writes the audit trail.
        scheduled: The functions that a schedule starts, as their alarms watch them.
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
            stack_name=stack_names.GOVERNANCE,
            description="Bedrock Meter: exact counters of usage, budgets and the audit trail",
            env=environment,
        )
        defaults = FunctionDefaults(self, config=config, data_key=storage.data_key)
        stores = CountingStores(
            ledger=storage.ledger,
            state=storage.state,
            counters=storage.counters,
            governance=storage.governance,
            prices=storage.prices,
        )
        tables = GoverningTables(storage.counters, storage.governance)
        failures = FailureDestination(storage.failures, storage.key)
        self.usage_counter = UsageCounter(
            self,
            "UsageCounter",
            defaults=defaults,
            stores=stores,
            failures=failures,
            evaluator_name=name_function(stack_names.MONITORING, BUDGET_EVALUATOR),
            brake_name=(
                name_function(stack_names.GOVERNANCE, BRAKE_CONTROLLER) if config.brake else None
            ),
        )
        recounter = UsageRecounter(
            self,
            USAGE_RECOUNTER,
            defaults=defaults,
            stores=stores,
        )
        builder = BudgetBuilder(
            self,
            BUDGET_BUILDER,
            defaults=defaults,
            tables=tables,
        )
        calibrator = ForecastCalibrator(
            self,
            FORECAST_CALIBRATOR,
            defaults=defaults,
            tables=tables,
        )
        self.audit_writer = AuditWriter(
            self,
            AUDIT_WRITER,
            defaults=defaults,
            stores=AuditStores(
                audit=storage.audit,
                anchors=storage.anchors,
                governance=storage.governance,
                prices=storage.prices,
            ),
            failures=failures,
        )
        self.scheduled: list[Scheduled] = [
            *(recounter.scheduled, builder.scheduled),
            *(calibrator.scheduled, self.audit_writer.scheduled),
            *(self._make_brake(tables, defaults) if config.brake else ()),
        ]
        CfnOutput(self, "UsageCounterName", value=self.usage_counter.function_name)
        CfnOutput(self, "UsageRecounterName", value=recounter.function_name)
        CfnOutput(self, "AuditWriterName", value=self.audit_writer.function_name)

    def _make_brake(self, tables: GoverningTables, defaults: FunctionDefaults) -> list[Scheduled]:
        deny_policy = DenyPolicy(self, "DenyPolicy")
        controller = BrakeController(
            self,
            BRAKE_CONTROLLER,
            defaults=defaults,
            tables=tables,
            deny_policy=deny_policy,
        )
        watchdog = BrakeWatchdog(
            self,
            BRAKE_WATCHDOG,
            defaults=defaults,
            governance=tables.governance,
            deny_policy=deny_policy,
        )
        CfnOutput(self, "BrakeControllerName", value=controller.function_name)
        return [controller.scheduled, watchdog.scheduled]
