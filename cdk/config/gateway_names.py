"""Names of the gateway in IAM: the role that it assumes for each caller, and actions of traces."""

from __future__ import annotations

from lambdas.meter_name import GATEWAY_CALLER, METER_NAME

CALLER_ROLES = f"*-{GATEWAY_CALLER}-"
"""The part of these roles' names between the name of every deployment and the Region."""

TRACE_ACTIONS = ("xray:PutSpans", "xray:PutTraceSegments")
"""The actions that send traces. AWS's documentation of the OTLP endpoint names the policy
AWSXrayWriteOnlyAccess, which has the second one; the first one is for OpenTelemetry's spans:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
"""


def caller_role_name(region: str) -> str:
    """Name the role of a Region; names are unique in an account.

    Its name is part of the identity of each caller, in the ledger, metrics and budgets, so it never
    changes.
    """
    return f"{METER_NAME}-{GATEWAY_CALLER}-{region}"
