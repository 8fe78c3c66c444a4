"""The services of `audit_writer`, over the tables and buckets of the audit trail."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.governance_stream import GovernanceStream
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.adapters.s3.pointer_history import S3PointerHistory
from lambdas.domain.audit import (
    BRAKE_SETTINGS,
    CONTRACTED_PRICES,
    AuditAction,
    AuditedSetting,
)
from lambdas.services.anchor_audit import AuditAnchorer
from lambdas.services.append_audit import AuditWriter
from lambdas.services.audit_prices import PriceAuditor
from lambdas.services.audit_settings import SettingsAuditor
from lambdas.wiring.audit_settings import AuditedBrake, AuditSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.contracted_prices import write_contracted_prices


def make_stream(settings: AuditSettings) -> GovernanceStream:
    """Make the reader of the stream of budgets."""
    return GovernanceStream(boto3.client("dynamodb", config=PROMPT), settings.governance_table)


def make_writer(settings: AuditSettings) -> AuditWriter:
    """Make a writer of the chain in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return AuditWriter(
        DynamoDbAuditStore(dynamodb, settings.audit_table),
        DynamoDbPersonDirectory(dynamodb, settings.governance_table),
    )


def make_price_auditor(settings: AuditSettings) -> PriceAuditor:
    """Make an auditor of held prices and editions."""
    return PriceAuditor(
        store=DynamoDbAuditStore(boto3.client("dynamodb", config=PROMPT), settings.audit_table),
        history=S3PointerHistory(boto3.client("s3", config=PROMPT), settings.price_bucket),
        append=make_writer(settings).append,
    )


def make_settings_auditor(settings: AuditSettings) -> SettingsAuditor:
    """Make an auditor of contracted prices and of the settings of the brake."""
    writer = make_writer(settings)
    return SettingsAuditor(
        store=writer.store,
        people=writer.people,
        settings=[
            AuditedSetting(
                subject=CONTRACTED_PRICES,
                action=AuditAction.CHANGE_CONTRACTED_PRICES,
                default=[],
                state=write_contracted_prices(settings.contracted_prices),
            ),
            AuditedSetting(
                subject=BRAKE_SETTINGS,
                action=AuditAction.CHANGE_BRAKE_SETTINGS,
                default=AuditedBrake().model_dump(mode="json"),
                state=settings.model_dump(mode="json", include=set(AuditedBrake.model_fields)),
            ),
        ],
        append=writer.append,
    )


def make_anchorer(settings: AuditSettings) -> AuditAnchorer:
    """Make what verifies and anchors the chain."""
    return AuditAnchorer(
        DynamoDbAuditStore(boto3.client("dynamodb", config=PROMPT), settings.audit_table),
        S3AuditAnchors(boto3.client("s3", config=PROMPT), settings.anchor_bucket),
    )
