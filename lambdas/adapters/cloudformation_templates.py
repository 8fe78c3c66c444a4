"""Deployed values from CloudFormation: only a deployment can change them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.safeguards.deployed import DeployedStack, StackResource

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class CloudFormationTemplates:
    """Reads templates, names of resources and exports of some stacks."""

    def __init__(self, client: CloudFormationClient, stack_names: Sequence[str]) -> None:
        """Read with a CloudFormation client."""
        self._client = client
        self._stack_names = stack_names

    def read(self) -> list[DeployedStack]:
        """Read all of them.

        Raises:
            NotReadableError: Access is denied.
        """
        with refusal_as_not_readable():
            return [self._read(name) for name in self._stack_names]

    def _read(self, name: str) -> DeployedStack:
        (stack,) = self._client.describe_stacks(StackName=name)["Stacks"]
        # boto3 has parsed a template that is JSON, whatever its type hints say.
        body: object = self._client.get_template(StackName=name)["TemplateBody"]
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
        return DeployedStack(
            stack_id=stack["StackId"],
            template=json.loads(body) if isinstance(body, str) else cast("dict[str, Any]", body),
            resources={
                resource["LogicalResourceId"]: StackResource(
                    resource["PhysicalResourceId"], resource["LastUpdatedTimestamp"]
                )
                for page in pages
                for resource in page["StackResourceSummaries"]
                if resource.get("PhysicalResourceId")
            },
            exports={
                output["ExportName"]: output["OutputValue"]
                for output in stack.get("Outputs", [])
                if "ExportName" in output
            },
        )
