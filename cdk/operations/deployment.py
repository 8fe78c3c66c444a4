"""Finds deployed resources by the outputs of their stacks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cdk.config import stack_names
from lambdas.domain.credits import ExhaustedAction

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


class NotDeployedError(Exception):
    """A stack, or an output of it, is not there. The text says which and what to do."""


class Deployment:
    """The deployment in one account and Region."""

    def __init__(self, cloudformation: CloudFormationClient) -> None:
        """Read with a CloudFormation client."""
        self._cloudformation = cloudformation
        self._stacks: dict[str, StackTypeDef | None] = {}

    def status(self, stack: str) -> str | None:
        """A stack's status, as CloudFormation has it; `None` where it is not deployed."""
        found = self._find(stack)
        return None if found is None else found["StackStatus"]

    def created_at(self, stack: str) -> datetime | None:
        """Return when a stack was created; `None` where it is not deployed."""
        found = self._find(stack)
        return None if found is None else found["CreationTime"]

    def is_complete(self, stack: str) -> bool:
        """Say if a stack has outputs, which one whose creation failed has not."""
        return bool(self._outputs(stack))

    def output(self, stack: str, name: str) -> str:
        """An output of a stack.

        Raises:
            NotDeployedError: The stack does not exist or has no such output.
        """
        value = self._outputs(stack).get(name)
        if value is None:
            message = f"{stack} is not deployed in this Region, or has no {name}: run make deploy."
            raise NotDeployedError(message)
        return value

    @cached_property
    def metered_log_group(self) -> str:
        """The metered log group: the meter's own, or an adopted one."""
        adopted = self._outputs(stack_names.INGESTION).get("AdoptedLogGroupName")
        return adopted or self.output(stack_names.STORAGE, "LogGroupName")

    @cached_property
    def log_processor(self) -> str:
        """The name of the function that writes the ledger."""
        return self.output(stack_names.INGESTION, "LogProcessorName")

    @cached_property
    def metric_publisher(self) -> str:
        """The name of the function that publishes metrics."""
        return self.output(stack_names.INGESTION, "MetricPublisherName")

    @cached_property
    def usage_counter(self) -> str | None:
        """The name of the function that counts exactly; `None` where governance is off."""
        return self._outputs(stack_names.GOVERNANCE).get("UsageCounterName")

    @cached_property
    def audit_writer(self) -> str | None:
        """The name of the function that writes the audit trail; `None` where governance is off."""
        return self._outputs(stack_names.GOVERNANCE).get("AuditWriterName")

    @cached_property
    def brake_controller(self) -> str | None:
        """The name of the function that denies callers; `None` where the brake is off."""
        return self._outputs(stack_names.GOVERNANCE).get("BrakeControllerName")

    @cached_property
    def credit_booker(self) -> str | None:
        """The name of the function that books credits; `None` where credits are off."""
        return self._outputs(stack_names.MONITORING).get("CreditBookerName")

    @cached_property
    def credit_actions(self) -> tuple[ExhaustedAction, ...]:
        """The parts that stop usage without credits: the setting `credits_exhausted`."""
        names = self._outputs(stack_names.MONITORING).get("CreditActions", "").split()
        return tuple(action for action in ExhaustedAction if action.value in names)

    @cached_property
    def gateway_url(self) -> str | None:
        """The URL of the gateway; `None` where it is off."""
        return self._outputs(stack_names.GATEWAY).get("GatewayUrl")

    @cached_property
    def price_refresher(self) -> str:
        """The name of the function that publishes cost when a price becomes known."""
        return self.output(stack_names.INGESTION, "PriceRefresherName")

    @cached_property
    def price_updater(self) -> str | None:
        """The name of the function that updates prices; `None` where price updates are off."""
        return self._outputs(stack_names.INGESTION).get("PriceUpdaterName")

    @cached_property
    def price_bucket(self) -> str:
        """The bucket of price editions."""
        return self.output(stack_names.STORAGE, "PriceBucketName")

    def _outputs(self, stack: str) -> dict[str, str]:
        found = self._find(stack)
        outputs = [] if found is None else found.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def _find(self, stack: str) -> StackTypeDef | None:
        if stack not in self._stacks:
            self._stacks[stack] = self._describe(stack)
        return self._stacks[stack]

    def _describe(self, stack: str) -> StackTypeDef | None:
        try:
            return self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            # CloudFormation has no separate error code for this.
            if "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
