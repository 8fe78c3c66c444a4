"""The gateway, through which callers use Amazon Bedrock within token limits; optional."""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Environment, Stack
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.governing import GoverningTables
from cdk.config import Config, stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.functions.gateway import Gateway
from cdk.functions.limit_settler import LimitSettler, SettlingTables
from cdk.stacks.storage import StorageStack

GATEWAY, LIMIT_SETTLER = "Gateway", "LimitSettler"


class GatewayStack(Stack):
    """A function with a public URL, and the role with which it calls models.

    Storage has its tables.

    Attributes:
        gateway: The function.
        scheduled: The functions that a schedule starts.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        environment: Environment,
    ) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            stack_name=stack_names.GATEWAY,
            description="Bedrock Meter: the gateway with token limits",
            env=environment,
        )
        defaults = FunctionDefaults(self, config=config, data_key=storage.data_key)
        self.gateway = Gateway(
            self,
            GATEWAY,
            defaults=defaults,
            governance=storage.governance,
            limits=storage.limits,
            state=storage.state,
            prices=storage.prices,
            caller_role_arn=self.format_arn(
                service="iam",
                region="",
                resource="role",
                resource_name=caller_role_name(Aws.REGION),
            ),
        )
        settler = LimitSettler(
            self,
            LIMIT_SETTLER,
            defaults=defaults,
            tables=SettlingTables(storage.limits, storage.ledger, storage.state),
            governing=GoverningTables(storage.counters, storage.governance),
            prices=storage.prices,
            caller_role=caller_role_name(Aws.REGION),
        )
        self.scheduled = [settler.scheduled]
        CfnOutput(self, "GatewayUrl", value=self.gateway.url.url)
        CfnOutput(self, "GatewayName", value=self.gateway.function_name)
        CfnOutput(self, "CallerRoleArn", value=self.gateway.caller_role.role_arn)
