"""Scheduled reports on the ledger's calls: costs in FOCUS columns, and a comparison of models."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from cdk.alarms.scheduled_functions import Scheduled
from cdk.components.function_defaults import FunctionDefaults
from cdk.config import Config, stack_names
from cdk.functions.comparison_reporter import COMPARED_EVERY, ComparisonReporter
from cdk.functions.focus_exporter import EXPORTED_EVERY, FocusExporter
from cdk.stacks.ingestion import IngestionStack
from cdk.stacks.storage import StorageStack

FOCUS_EXPORTER = "FocusExporter"
COMPARISON_REPORTER = "ComparisonReporter"


class ReportingStack(Stack):
    """One function for each report that is switched on.

    Attributes:
        scheduled: The functions, by name.
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
        self.scheduled = dict[str, Scheduled]()
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
            self.scheduled[FOCUS_EXPORTER] = Scheduled(
                FOCUS_EXPORTER,
                exporter,
                EXPORTED_EVERY,
                "writes costs in FOCUS columns",
                exporter.fixed_name,
            )
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
            self.scheduled[COMPARISON_REPORTER] = Scheduled(
                COMPARISON_REPORTER,
                reporter,
                COMPARED_EVERY,
                "compares models on real traffic",
                reporter.fixed_name,
            )
