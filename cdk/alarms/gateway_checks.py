"""Health checks of the gateway, where it is switched on."""

from __future__ import annotations

from collections.abc import Iterator

from cdk.alarms.health_check import (
    FIVE_MINUTES,
    HealthCheck,
    build_health_metric,
    build_report_count,
    build_sum_metric,
)
from lambdas.domain.metrics.catalog import (
    BUSY_SUBJECTS,
    LIMITS_UNAVAILABLE,
    RETURNED_RESERVATIONS,
    UNCHECKED_CALLS,
    UNKNOWN_KEYS,
)

GATEWAY_ERRORS = "GatewayErrors"
GATEWAY_THROTTLES = "GatewayThrottles"
LIMIT_THROTTLES = "LimitThrottles"
GATEWAY_ALARMS = (
    *(GATEWAY_ERRORS, GATEWAY_THROTTLES, LIMIT_THROTTLES),
    *(UNKNOWN_KEYS.name, RETURNED_RESERVATIONS.name),
    *(UNCHECKED_CALLS.name, LIMITS_UNAVAILABLE.name, BUSY_SUBJECTS.name),
)
_LAMBDA = "AWS/Lambda"
_GRAPH = "prices-and-names"
_MAX_UNKNOWN_KEYS = 100
"""Of five minutes: one client that keeps using a key that has expired does not alarm."""


def gateway_checks(function_name: str, table_name: str) -> Iterator[HealthCheck]:
    """Health checks of the function, of its table of limits and of its callers.

    Args:
        function_name: The name of the function.
        table_name: The name of the table of limits.
    """
    of_function = {"FunctionName": function_name}
    yield HealthCheck(
        GATEWAY_ERRORS,
        lambda _: build_sum_metric(_LAMBDA, "Errors", of_function),
        "function-errors",
        "The gateway fails repeatedly, and callers get no answer. First read the last error in the"
        " log group of Gateway.",
        periods=(2, 3),
        runbook="FunctionErrors",
    )
    yield HealthCheck(
        GATEWAY_THROTTLES,
        lambda _: build_sum_metric(_LAMBDA, "Throttles", of_function),
        "function-errors",
        "As many callers as gateway_concurrency allows are served at a time, and Lambda refuses"
        " others. First compare the function's metric ConcurrentExecutions with"
        " gateway_concurrency, and raise that.",
        periods=(2, 3),
        runbook="FunctionErrors",
    )
    # A subject above 300 calls a second is refused by the gateway itself, before the table is.
    yield HealthCheck(
        LIMIT_THROTTLES,
        lambda _: build_sum_metric(
            "AWS/DynamoDB",
            "ThrottledRequests",
            {"TableName": table_name, "Operation": "UpdateItem"},
        ),
        None,
        "DynamoDB throttles writes of limits, so calls are refused or not limited, as their policy"
        " says for a store that fails. First find the policy whose subject has most calls, and"
        " partition it.",
        periods=(2, 3),
    )
    yield HealthCheck(
        UNKNOWN_KEYS.name,
        lambda _: build_report_count(UNKNOWN_KEYS.name, FIVE_MINUTES),  # each request has a report
        None,
        f"The gateway refused {_MAX_UNKNOWN_KEYS} requests or more in five minutes because they"
        " had no valid key. Lambda bills each one. First look for a caller whose key has expired:"
        " bedrock-meter keys list.",
        threshold=_MAX_UNKNOWN_KEYS,
    )
    yield HealthCheck(
        RETURNED_RESERVATIONS.name,
        lambda _: build_health_metric(RETURNED_RESERVATIONS.name, FIVE_MINUTES),
        None,
        "The gateway was stopped during a call, and an hour later the ledger still has no record of"
        " it, so limits count the call as not made. First check the alarms LogDeliveryFailures and"
        " Coverage: its record may be missing.",
    )
    yield from _limit_checks()


def _limit_checks() -> Iterator[HealthCheck]:
    """Health checks of calls for which limits did not decide."""
    yield HealthCheck(
        UNCHECKED_CALLS.name,
        lambda _: build_health_metric(UNCHECKED_CALLS.name, FIVE_MINUTES),
        _GRAPH,
        "The gateway admitted calls without checking limits, since the table of limits could not be"
        " read or written and the policy says open (fail). First look for 'Limits were not checked'"
        " in the log group of Gateway, and at the alarm LimitThrottles.",
    )
    yield HealthCheck(
        LIMITS_UNAVAILABLE.name,
        lambda _: build_health_metric(LIMITS_UNAVAILABLE.name, FIVE_MINUTES),
        _GRAPH,
        "The gateway keeps refusing calls because their limits or policies could not be read. First"
        " look at the alarm LimitThrottles, and for 'Policies were not read' in the log group of"
        " Gateway.",
        periods=(2, 3),
        runbook=UNCHECKED_CALLS.name,
    )
    yield HealthCheck(
        BUSY_SUBJECTS.name,
        lambda _: build_health_metric(BUSY_SUBJECTS.name, FIVE_MINUTES),
        _GRAPH,
        "The gateway keeps refusing calls because more than 300 a second, or 100 at a time, share"
        " the same limits, although the limits have room. First find the policy in the log group of"
        " Gateway ('A call was refused'), and partition it.",
        periods=(2, 3),
    )
