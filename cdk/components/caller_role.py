"""The role with which the gateway calls Amazon Bedrock, in a session for each caller."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.components.acknowledgements import acknowledge_wildcard
from cdk.config.gateway_names import caller_role_name

CALLED_ACTIONS = (
    "bedrock:CountTokens",
    "bedrock:InvokeModel",
    "bedrock:InvokeModelWithResponseStream",
)
"""The actions behind all that the gateway relays; Converse and ConverseStream have none of their
own: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
"""


class CallerRole(iam.Role):
    """A role that calls models and can do nothing else."""

    def __init__(self, scope: Construct, construct_id: str, *, gateway: iam.IRole) -> None:
        """Make the role.

        Args:
            scope: The stack.
            construct_id: Its name there.
            gateway: The only role that can assume it.
        """
        super().__init__(
            scope,
            construct_id,
            role_name=caller_role_name(Aws.REGION),
            description="Bedrock Meter: calls models for callers of the gateway",
            assumed_by=iam.ArnPrincipal(gateway.role_arn),
            # The most for a role that another role assumes:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
            max_session_duration=Duration.hours(1),
        )
        stack = Stack.of(self)
        # Inference profiles call models of other Regions, too.
        resources = [
            stack.format_arn(
                service="bedrock",
                region="*",
                account=account,
                resource=resource,
                arn_format=ArnFormat.NO_RESOURCE_NAME,
            )
            for account, resource in (("", "foundation-model/*"), (stack.account, "*"))
        ]
        self.add_to_policy(iam.PolicyStatement(actions=list(CALLED_ACTIONS), resources=resources))
        for resource in resources:
            acknowledge_wildcard(
                self,
                resource=resource,
                reason="Callers choose among all models; policies of the gateway restrict them.",
            )
