"""The function that publishes the cost of calls whose price became known, and its schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_publishing import grant_publish_calls, publishing_settings
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.ledger.state_table import (
    CORRECTION_PREFIX,
    TURN_PREFIX,
    UNPRICED_INDEX,
    UNPRICED_PREFIX,
    WAITING_PREFIX,
)
from lambdas.functions.price_refresher.settings import Settings

_UNPRICED = f"{UNPRICED_PREFIX}*"
_WAITING = f"{WAITING_PREFIX}*"
_TURN = f"{TURN_PREFIX}*"
_PROGRESS = f"{CORRECTION_PREFIX}*"


class PriceRefresher(ScheduledFunction):
    """The function `price_refresher` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        ledger: dynamodb.ITable,
        state: dynamodb.ITable,
        prices: s3.IBucket,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            ledger: The table of calls.
            state: The table of the meter's state.
            prices: The bucket of price editions.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                ledger_table=ledger.table_name,
                **publishing_settings(defaults.config, state=state, prices=prices),
            ),
            defaults=defaults,
            timeout=Duration.minutes(15),
        )
        grant_publish_calls(self, state=state, prices=prices)
        table = state.table_arn
        self.grant_items("dynamodb:BatchGetItem", on=table, keys=[_UNPRICED, _WAITING])
        self.grant_items("dynamodb:PutItem", on=table, keys=[_TURN, _PROGRESS])
        self.grant_items("dynamodb:GetItem", on=table, keys=[_PROGRESS])
        self.grant_items("dynamodb:DeleteItem", on=table, keys=[_TURN, _WAITING])
        self.grant("dynamodb:Query", on=f"{table}/index/{UNPRICED_INDEX}")
        self.grant("dynamodb:BatchGetItem", "dynamodb:Scan", on=ledger.table_arn)
        self.run_every(Duration.hours(1), purpose="publishes the cost of calls that had no price")
