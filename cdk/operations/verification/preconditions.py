"""Checks, before anything is made, that a verification can disturb nothing in a Region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from cdk.config import stack_names
from cdk.operations.terminal import CommandError
from lambdas.meter_name import DEFAULT_NAME

_CHOOSE = "choose another Region with --region (make: REGION=...)"
_GONE = "DELETE_COMPLETE"


def require_untouched_region(session: boto3.Session) -> None:
    """Check that the Region has neither a meter nor a logging configuration.

    Raises:
        CommandError: It has.
    """
    region = session.region_name
    found = list(list_stacks(session, f"{DEFAULT_NAME}-"))
    left_over = [stack for stack in found if stack.startswith(f"{stack_names.PREFIX}-")]
    if left_over:
        message = (
            f"a verification runs, or one was aborted and left {', '.join(left_over)} in {region}:"
            " wait for its end, or remove them with --remove (make: REMOVE=1)."
        )
        raise CommandError(message)
    if found:
        message = f"{region} already has a meter ({', '.join(found)}): {_CHOOSE}."
        raise CommandError(message)
    if has_logging_configuration(session):
        message = f"Bedrock's invocation logging is already configured in {region}: {_CHOOSE}."
        raise CommandError(message)


def has_logging_configuration(session: boto3.Session) -> bool:
    """Say if Bedrock logs calls in the Region."""
    return bool(_read_logging_configuration(session))


def is_logged_by_verification(session: boto3.Session) -> bool:
    """Say if Bedrock's logs go to a log group of the verification."""
    destination = _read_logging_configuration(session).get("cloudWatchConfig", {})
    return str(destination.get("logGroupName", "")).startswith(f"{stack_names.PREFIX}-")


def _read_logging_configuration(session: boto3.Session) -> Mapping[str, Any]:
    answer = session.client("bedrock").get_model_invocation_logging_configuration()
    return answer.get("loggingConfig") or {}


def list_stacks(session: boto3.Session, prefix: str) -> Iterator[str]:
    """List the stacks whose names begin with a prefix."""
    for page in session.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"].startswith(prefix) and stack["StackStatus"] != _GONE:
                yield stack["StackName"]
