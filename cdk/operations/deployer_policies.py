"""The policies of whoever deploys with no more than the meter needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from cdk.operations.managed_policy import ManagedPolicy
from lambdas.meter_name import DEFAULT_NAME

_FOLDER = Path(__file__).parents[1]


class Subject(StrEnum):
    """The subjects of the deployer's policies: a managed policy has at most 6,144 letters."""

    DATA = "data"
    FUNCTIONS = "functions"

    @property
    def file(self) -> Path:
        """The file with the policy, which `make deployer-policy` writes."""
        return _FOLDER / f"deployer-policy-{self}.json"

    @property
    def policy_name(self) -> str:
        """The name of the managed policy, the same for all Regions and deployments."""
        return f"{DEFAULT_NAME}-Deployer-{self.capitalize()}"


@dataclass(frozen=True)
class DeployerPolicy(ManagedPolicy):
    """One of the policies for CloudFormation's execution role.

    Attributes:
        subject: The subject.
    """

    subject: Subject = Subject.DATA

    title = "Deployer's policy"
    description = "Bedrock Meter: what CloudFormation needs for a deployment"

    @property
    def name(self) -> str:
        """The name of the managed policy."""
        return self.subject.policy_name

    @cached_property
    def document(self) -> dict[str, Any]:
        """The policy that this version needs."""
        document: dict[str, Any] = json.loads(self.subject.file.read_text())
        return document
