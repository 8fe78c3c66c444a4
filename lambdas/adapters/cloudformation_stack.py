"""The stack that a function belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


def created_at(client: CloudFormationClient, stack_id: str) -> datetime:
    """When a stack was created: updates do not change it, a deployment after a destruction does."""
    (stack,) = client.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["CreationTime"]
