"""Bedrock's model invocation logs: their format, and the fields that can be trusted."""

from lambdas.domain.invocations.billed_units import BilledUnits
from lambdas.domain.invocations.delivery import Delivery
from lambdas.domain.invocations.envelope import read_envelope, read_line, read_value, unpack
from lambdas.domain.invocations.identity import (
    CONFLICTING_IDENTITY,
    UNKNOWN_IDENTITY,
    CallerIdentity,
    IdentityKind,
)
from lambdas.domain.invocations.metered_source import BEDROCK_LOG_STREAM, MeteredSource
from lambdas.domain.invocations.model import foundation_model_id, is_foundation_model
from lambdas.domain.invocations.quarantine import Quarantine, RejectedRecord
from lambdas.domain.invocations.request_metadata import RequestMetadata
from lambdas.domain.invocations.served_call import AskedCall, ServedCall
from lambdas.domain.invocations.token_counts import TokenCounts
from lambdas.domain.invocations.usage_doubt import UsageDoubt
from lambdas.domain.invocations.usage_record import (
    CallVariant,
    Conflicts,
    Ignored,
    Reading,
    ReadInvocation,
    RejectionReason,
    UsageRecord,
    read_invocation,
    read_message,
)

__all__ = [
    "BEDROCK_LOG_STREAM",
    "CONFLICTING_IDENTITY",
    "UNKNOWN_IDENTITY",
    "AskedCall",
    "BilledUnits",
    "CallVariant",
    "CallerIdentity",
    "Conflicts",
    "Delivery",
    "IdentityKind",
    "Ignored",
    "MeteredSource",
    "Quarantine",
    "ReadInvocation",
    "Reading",
    "RejectedRecord",
    "RejectionReason",
    "RequestMetadata",
    "ServedCall",
    "TokenCounts",
    "UsageDoubt",
    "UsageRecord",
    "foundation_model_id",
    "is_foundation_model",
    "read_envelope",
    "read_invocation",
    "read_line",
    "read_message",
    "read_value",
    "unpack",
]
