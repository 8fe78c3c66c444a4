"""The grant that functions need to stop usage whose credits are exhausted."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb

from cdk.components.meter_function import MeterFunction
from lambdas.domain.budgets.governance_table import CREDIT_EXHAUSTED, CREDIT_GRANTS, CREDITS


def grant_read_exhausted(function: MeterFunction, governance: dynamodb.ITable) -> None:
    """Grant reading of exhausted scopes, of grants and of the switch, but not of entries."""
    function.grant_items(
        "dynamodb:Query", on=governance.table_arn, keys=[CREDIT_EXHAUSTED, CREDIT_GRANTS]
    )
    function.grant_items("dynamodb:GetItem", on=governance.table_arn, keys=[CREDITS])
