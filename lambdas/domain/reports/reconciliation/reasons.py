"""The classes of a reconciliation, and the likely reason of each line."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class LineClass(StrEnum):
    """The side that has a line."""

    AGREES = "agrees"
    DIFFERS = "differs"
    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"


class Reason(StrEnum):
    """The likely reason why a line is on one side alone, or differs."""

    MANTLE = "mantle"
    BATCH = "batch"
    CUSTOM_MODEL = "custom_model"
    BEFORE_LOGGING = "before_logging"
    AFTER_LOGS = "after_logs"
    PARTLY_LOGGED = "partly_logged"
    NO_LOGS = "no_logs"
    NO_IDENTITY_IN_BILL = "no_identity_in_bill"
    NO_COUNTS_IN_LOGS = "no_counts_in_logs"
    DELIVERY_FAILURE = "delivery_failure"
    LATE_BILL = "late_bill"
    NOT_ON_BILL = "not_on_bill"
    BEFORE_BILL = "before_bill"
    NO_BILL = "no_bill"
    OTHER_PLAN = "other_plan"
    OTHER_DAY = "other_day"
    PROFILE_HIDES_MODEL = "profile_hides_model"
    BILL_NOT_UNDERSTOOD = "bill_not_understood"
    UNPRICED = "unpriced"
    ASSUMED_PRICE = "assumed_price"
    LIST_PRICE = "list_price"
    DISCOUNT = "discount"
    TIER_NOT_IN_LOGS = "tier_not_in_logs"
    LIFETIME_NOT_IN_LOGS = "lifetime_not_in_logs"
    ROUTING_NOT_IN_LOGS = "routing_not_in_logs"


class Apart(StrEnum):
    """The reason why a line of the bill is not compared with the logs."""

    UNKNOWN_USAGE_TYPE = "unknown_usage_type"
    UNMAPPED_MODEL = "unmapped_model"
    UNKNOWN_REGION = "unknown_region"
    PROVISIONED = "provisioned"
    RESERVED = "reserved"
    CUSTOMIZATION = "customization"
    NOT_SETTLED = "not_settled"
    ADJUSTMENT = "adjustment"
    """Taxes, credits, refunds, fees and discounts that are lines of their own."""
    UNREADABLE = "unreadable"
    OTHER_SERVICE = "other_service"


MEANINGS = MappingProxyType(
    {
        Reason.MANTLE: "Calls of the bedrock-mantle endpoint are not in invocation logs.",
        Reason.BATCH: "Batch inference is not in invocation logs.",
        Reason.CUSTOM_MODEL: "A customized model has prices of its own.",
        Reason.BEFORE_LOGGING: "It was used before the first call in the logs.",
        Reason.AFTER_LOGS: "It was used after the last call in the logs. Name newer logs.",
        Reason.PARTLY_LOGGED: (
            "The logs begin or end on this day, so that a part of it may be missing."
        ),
        Reason.NO_LOGS: "No logs of this account and Region were named.",
        Reason.NO_IDENTITY_IN_BILL: "The bill names no caller, so that nothing can match.",
        Reason.NO_COUNTS_IN_LOGS: "The logs hold calls of it that do not say how many tokens.",
        Reason.DELIVERY_FAILURE: "Log records were not delivered, or their files were not named.",
        Reason.LATE_BILL: "AWS has not billed it yet. Bills can be complete after days only.",
        Reason.BEFORE_BILL: "It is older than the bill. Name the bills of earlier months.",
        Reason.NOT_ON_BILL: (
            "AWS has closed the month without it. Fetch the files of that month again; if they do"
            " not have it either, it was free, or is billed to another account or model."
        ),
        Reason.NO_BILL: "The bill has no line of this account in that month.",
        Reason.OTHER_PLAN: (
            "A provisioned, reserved, customized or imported model is billed by the hour, or under"
            " another name."
        ),
        Reason.OTHER_DAY: "The day before or after has the same difference the other way round.",
        Reason.PROFILE_HIDES_MODEL: (
            "The call named an application inference profile, and the bill does not say which"
            " model. Switch on INCLUDE_RESOURCES."
        ),
        Reason.BILL_NOT_UNDERSTOOD: (
            "The bill has lines of that account and day that are not understood; see there."
        ),
        Reason.UNPRICED: "The tokens agree; the price book has no price for a part of them.",
        Reason.ASSUMED_PRICE: "The tokens agree; the price is that of another place.",
        Reason.LIST_PRICE: "The tokens agree; AWS's list price is another one.",
        Reason.DISCOUNT: "List prices agree; contracted prices or discounts are not configured.",
        Reason.TIER_NOT_IN_LOGS: "The tokens agree; the logs do not say which service tier.",
        Reason.LIFETIME_NOT_IN_LOGS: "The tokens agree; the logs do not say for how long in cache.",
        Reason.ROUTING_NOT_IN_LOGS: "The tokens agree; the logs do not say if by a global profile.",
        Apart.UNKNOWN_USAGE_TYPE: "The usage type is not that of a model's tokens or units.",
        Apart.UNMAPPED_MODEL: "The name stands for no known model.",
        Apart.UNKNOWN_REGION: "The line names no known Region.",
        Apart.PROVISIONED: "Provisioned throughput is paid by the hour.",
        Apart.RESERVED: "Reserved capacity is paid by the hour.",
        Apart.CUSTOMIZATION: "Training and storage of customized models.",
        Apart.NOT_SETTLED: "It is too new: AWS may still add to it.",
        Apart.ADJUSTMENT: "Taxes, credits, refunds, fees and discounts that have their own lines.",
        Apart.UNREADABLE: "A date or a number of the line cannot be read.",
        Apart.OTHER_SERVICE: "Other services than Amazon Bedrock.",
    }
)
"""Every reason in a sentence."""
