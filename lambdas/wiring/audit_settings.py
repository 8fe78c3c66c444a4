"""Settings of the function that writes the audit trail."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from lambdas.wiring.brake_settings import DenyRules
from lambdas.wiring.contracted_prices import ContractedPriceSetting
from lambdas.wiring.environment import from_json_text


class AuditedBrake(DenyRules):
    """The settings of the brake whose changes are audited.

    Attributes:
        brake: True if the brake is deployed.
    """

    brake: bool = False


class AuditSettings(AuditedBrake):
    """The chain, its anchors, and what is audited.

    Attributes:
        audit_table: The DynamoDB table of the chain.
        anchor_bucket: The bucket of anchors.
        governance_table: The DynamoDB table of budgets, whose stream starts the function.
        price_bucket: The bucket of price editions.
        contracted_prices: The contracted prices, as a JSON list.
    """

    audit_table: str = Field(min_length=3)
    anchor_bucket: str = Field(min_length=3)
    governance_table: str = Field(min_length=3)
    price_bucket: str = Field(min_length=3)
    contracted_prices: Annotated[
        tuple[ContractedPriceSetting, ...], BeforeValidator(from_json_text)
    ] = ()
