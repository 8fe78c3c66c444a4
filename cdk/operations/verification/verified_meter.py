"""The meter that is verified: how checks reach it, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeAlias

import boto3

from cdk.config import Config, stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.invocation import invoke, open_functions
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.gateway import Gateway, GatewayOpener
from cdk.operations.verification.governance import Governance, GovernanceOpener
from cdk.operations.verification.metric_answers import MetricAnswers
from cdk.operations.verification.notification_queue import NotificationQueue
from cdk.operations.verification.waiting import Waiting
from cdk.operations.webhooks import Webhooks
from lambdas.domain.credits import CreditStore
from lambdas.domain.metrics.catalog import HEALTH_NAMESPACE, HealthMetric

CreditOpener: TypeAlias = Callable[[boto3.Session], CreditStore]
"""Opens the books of credits by the names of deployed resources."""
WebhookOpener: TypeAlias = Callable[[boto3.Session], Webhooks]
"""Opens webhooks likewise."""
_FUNCTION = "AWS::Lambda::Function"


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """The calls that the verification made.

    Attributes:
        model: The model.
        count: The number of calls.
        input_tokens: The sum of what Bedrock answered.
        output_tokens: Likewise.
    """

    model: str
    count: int
    input_tokens: int
    output_tokens: int

    @property
    def total_tokens(self) -> int:
        """All their tokens."""
        return self.input_tokens + self.output_tokens


@dataclass
class VerifiedMeter:
    """A deployment that was made to be verified.

    Attributes:
        session: The credentials and the Region.
        config: The settings of the deployment.
        waiting: How to wait for what AWS does later.
        answers: Reads metrics, and stores the answers if that was asked for.
        started_at: The time from which on calls and metrics count.
        made: The calls that were made, once they were.
        open_governance: Opens budgets and the brake.
        open_gateway: Opens keys and policies of the gateway.
        open_credits: Opens the books of credits.
        open_webhooks: Opens the receivers of webhooks.
        receiver_url: The address of a receiver for a test event, which may be a secret.
    """

    session: boto3.Session
    config: Config
    waiting: Waiting
    answers: MetricAnswers
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    made: ModelCalls | None = None
    open_governance: GovernanceOpener | None = None
    open_gateway: GatewayOpener | None = None
    open_credits: CreditOpener | None = None
    open_webhooks: WebhookOpener | None = None
    receiver_url: str | None = field(default=None, repr=False)

    @cached_property
    def deployment(self) -> Deployment:
        """The deployment's stacks."""
        return Deployment(self.session.client("cloudformation"))

    @cached_property
    def caller(self) -> str:
        """The ARN of the identity that calls models here."""
        return self.session.client("sts").get_caller_identity()["Arn"]

    @property
    def caller_names(self) -> tuple[str, ...]:
        """The names of that identity: of a user, or of a role and its session."""
        return tuple(name for name in self.caller.split(":", 5)[-1].split("/")[1:] if name)

    @cached_property
    def notifications(self) -> NotificationQueue:
        """The queue that gets all notifications from its first use on."""
        return NotificationQueue.open(
            self.session, self.deployment.output(stack_names.MONITORING, "TopicArn")
        )

    @property
    def calls(self) -> ModelCalls:
        """The calls that were made.

        Raises:
            CheckSkippedError: None were.
        """
        if self.made is None:
            message = "no calls were made"
            raise CheckSkippedError(message)
        return self.made

    @property
    def governance(self) -> Governance:
        """The budgets and the brake.

        Raises:
            CheckFailedError: Nothing opens them.
        """
        if self.open_governance is None:
            message = "nothing opens the budgets and the brake"
            raise CheckFailedError(message)
        return self.open_governance(self.session)

    @property
    def gateway(self) -> Gateway:
        """The gateway.

        Raises:
            CheckFailedError: Nothing opens it.
        """
        if self.open_gateway is None:
            message = "nothing opens the gateway"
            raise CheckFailedError(message)
        return self.open_gateway(self.session)

    @property
    def credits(self) -> CreditStore:
        """The books of credits.

        Raises:
            CheckFailedError: Nothing opens them.
        """
        if self.open_credits is None:
            message = "nothing opens the books of credits"
            raise CheckFailedError(message)
        return self.open_credits(self.session)

    @property
    def webhooks(self) -> Webhooks:
        """The receivers of webhooks.

        Raises:
            CheckFailedError: Nothing opens them.
        """
        if self.open_webhooks is None:
            message = "nothing opens the receivers of webhooks"
            raise CheckFailedError(message)
        return self.open_webhooks(self.session)

    def start(self, function: str) -> Any:  # noqa: ANN401  # its answer
        """Start a function as its schedule does, and return its answer.

        Args:
            function: The construct's name of the function.

        Raises:
            FunctionFailedError: It raised an error.
        """
        scheduled = {
            "detail-type": "Scheduled Event",
            "time": datetime.now(UTC).isoformat(),
            "detail": {},
        }
        client = open_functions(self.session)
        return invoke(client, self._find_function(function), scheduled)

    def start_and_read(self, function: str, metric: HealthMetric) -> float:
        """Start a function, and wait for the value that this run publishes.

        Returns:
            The smallest value of the newest period: its schedule may start the function as well.

        Raises:
            CheckFailedError: The run published no value.
        """

        def read(stat: str) -> list[float]:
            return self.answers.read(HEALTH_NAMESPACE, metric.name, {}, stat, self.started_at)

        before = sum(read("SampleCount"))
        self.start(function)
        if self.waiting.until(lambda: sum(read("SampleCount")) > before):
            return read("Minimum")[-1]
        message = f"{function} published no {metric.name} in {HEALTH_NAMESPACE}"
        raise CheckFailedError(message)

    def _find_function(self, function: str) -> str:
        pages = self.session.client("cloudformation").get_paginator("list_stack_resources")
        found = [
            str(resource.get("PhysicalResourceId"))
            for stack in self.config.stacks
            for page in pages.paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == _FUNCTION
            and resource["LogicalResourceId"].startswith(function)
        ]
        if len(found) != 1:
            message = f"the stacks have {len(found)} functions called {function}"
            raise CheckFailedError(message)
        return found[0]
