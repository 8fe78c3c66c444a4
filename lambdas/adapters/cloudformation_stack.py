"""The stacks that functions belong to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.refusals import refusal_as_not_readable

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_IN_PROGRESS = "_IN_PROGRESS"


def created_at(client: CloudFormationClient, stack_id: str) -> datetime:
    """Return the time at which a stack was created: updates keep it, a new deployment does not."""
    (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["CreationTime"]


def get_status(client: CloudFormationClient, stack_id: str) -> str:
    """Return the status of a stack, as CloudFormation spells it."""
    (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["StackStatus"]


def get_output(client: CloudFormationClient, stack_id: str, key: str) -> str | None:
    """Return an output of a stack; `None` while it is first deployed, or has no such output."""
    (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return outputs.get(key)


class CloudFormationDeployments:
    """Deployments of some stacks."""

    def __init__(self, client: CloudFormationClient, stack_names: Sequence[str]) -> None:
        """Read with a CloudFormation client."""
        self._client = client
        self._stack_names = stack_names

    def is_under_way(self) -> bool:
        """True if one of the stacks is being changed."""
        with refusal_as_not_readable():
            return any(map(self._is_changing, self._stack_names))

    def was_under_way(self, at: datetime) -> bool:
        """True if one of the stacks was being changed at a given time."""
        with refusal_as_not_readable():
            return any(self._was_changing(name, at) for name in self._stack_names)

    def _is_changing(self, name: str) -> bool:
        (stack,) = self._client.describe_stacks(StackName=name)["Stacks"]
        return stack["StackStatus"].endswith(_IN_PROGRESS)

    def _was_changing(self, name: str, at: datetime) -> bool:
        """By the last state that the stack itself had taken by then; its newest events go first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=name)
        for event in (event for page in pages for event in page["StackEvents"]):
            if event["PhysicalResourceId"] == event["StackId"] and event["Timestamp"] <= at:
                return event["ResourceStatus"].endswith(_IN_PROGRESS)
        return False
