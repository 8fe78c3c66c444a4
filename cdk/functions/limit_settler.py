"""The function that settles calls which a stopped gateway left open, and its schedule."""

from __future__ import annotations

from typing import NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_enrichment import call_settings, grant_enrich_calls
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables, grant_read_sums
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.ledger.table import RESERVATION_INDEX
from lambdas.domain.limits import PARTITION_PREFIX
from lambdas.functions.limit_settler.settings import Settings


class SettlingTables(NamedTuple):
    """The tables of calls and limits.

    Attributes:
        limits: The table of limits.
        ledger: The table of calls, with the index of reservations.
        state: The table of the meter's state, with tags.
    """

    limits: dynamodb.ITable
    ledger: dynamodb.ITable
    state: dynamodb.ITable


class LimitSettler(ScheduledFunction):
    """The function `limit_settler` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        tables: SettlingTables,
        prices: s3.IBucket,
        caller_role: str,
        governing: GoverningTables,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            tables: The tables of calls and limits.
            prices: The bucket of price editions.
            caller_role: The name of the role of the gateway's calls.
            governing: The tables of counters and budgets.
        """
        limits, ledger, state = tables
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                **call_settings(defaults.config, state=state, prices=prices),
                limits_table=limits.table_name,
                ledger_table=ledger.table_name,
                caller_role=caller_role,
                counter_table=governing.counters.table_name,
                governance_table=governing.governance.table_name,
            ),
            defaults=defaults,
            timeout=Duration.minutes(5),
            is_optional=True,
        )
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"),
            on=limits.table_arn,
            keys=[f"{PARTITION_PREFIX}*"],
        )
        self.grant("dynamodb:Query", on=f"{ledger.table_arn}/index/{RESERVATION_INDEX}")
        self.grant("dynamodb:BatchGetItem", on=ledger.table_arn)
        grant_enrich_calls(self, state=state, prices=prices)
        grant_read_sums(self, governing)
        self.grant_read_write_data()
        self.run_every(
            Duration.minutes(1),
            purpose="settles open calls of the gateway or keeps its budgets up to date",
        )
