"""Scheduled reports on the ledger's calls: costs in FOCUS columns, and a comparison of models."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from cdk.alarms.scheduled_functions import Scheduled
from cdk.components.function_defaults import FunctionDefaults
from cdk.config import Config, stack_names
from cdk.functions.comparison_reporter import ComparisonReporter
from cdk.functions.focus_exporter import FocusExporter
from cdk.stacks.ingestion import IngestionStack
from cdk.stacks.storage import StorageStack

FOCUS_EXPORTER = "FocusExporter"
COMPARISON_REPORTER = "ComparisonReporter"


class ReportingStack(Stack):
    """One function for each report that is switched on.

    Attributes:
        scheduled: The functions, as their alarms watch them.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        ingestion: IngestionStack,
        environment: Environment,
    ) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            stack_name=stack_names.REPORTING,
            description="Bedrock Meter: scheduled reports",
            env=environment,
        )
        defaults = FunctionDefaults(self, config=config, data_key=storage.data_key)
        self.scheduled = list[Scheduled]()
        if config.focus_export:
            exporter = FocusExporter(
                self,
                FOCUS_EXPORTER,
                defaults=defaults,
                ledger=storage.ledger,
                state=storage.state,
                prices=storage.prices,
                reports=storage.reports,
            )
            self.scheduled.append(exporter.scheduled)
        if config.comparison_report:
            reporter = ComparisonReporter(
                self,
                COMPARISON_REPORTER,
                defaults=defaults,
                ledger=storage.ledger,
                state=storage.state,
                prices=storage.prices,
                reports=storage.reports,
                metered_group=ingestion.metered_group,
            )
            self.scheduled.append(reporter.scheduled)
