"""The services of `audit_writer`, over the tables and buckets of the audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import boto3

from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.governance_stream import GovernanceStream
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.adapters.s3.pointer_history import S3PointerHistory
from lambdas.services.anchor_audit import AuditAnchorer
from lambdas.services.append_audit import AuditWriter
from lambdas.services.audit_prices import PriceAuditor
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.contracted_prices import ContractedPriceSetting


class AuditTrail(NamedTuple):
    """The services of the audit trail.

    Attributes:
        stream: Reads changes of the stream.
        writer: Appends changes.
        prices: Finds changes of prices.
        anchorer: Verifies and anchors the chain.
    """

    stream: GovernanceStream
    writer: AuditWriter
    prices: PriceAuditor
    anchorer: AuditAnchorer


def make_audit_trail(
    *,
    audit_table: str,
    anchor_bucket: str,
    governance_table: str,
    price_bucket: str,
    contracted_prices: Iterable[ContractedPriceSetting],
) -> AuditTrail:
    """Make services that read and write in the account that the function runs in."""
    dynamodb, s3 = boto3.client("dynamodb", config=PROMPT), boto3.client("s3", config=PROMPT)
    store = DynamoDbAuditStore(dynamodb, audit_table)
    writer = AuditWriter(store, DynamoDbPersonDirectory(dynamodb, governance_table))
    return AuditTrail(
        stream=GovernanceStream(dynamodb, governance_table),
        writer=writer,
        prices=PriceAuditor(
            store=store,
            history=S3PointerHistory(s3, price_bucket),
            contracted_prices=write_contracted_prices(contracted_prices),
            append=writer.append,
        ),
        anchorer=AuditAnchorer(store, S3AuditAnchors(s3, anchor_bucket)),
    )


def write_contracted_prices(prices: Iterable[ContractedPriceSetting]) -> list[dict[str, Any]]:
    """Write contracted prices as the audit trail records them, with decimals as text."""
    return [price.model_dump(mode="json", exclude_none=True) for price in prices]
