"""The gateway: a function behind a URL, which streams answers of Amazon Bedrock."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.call_enrichment import (
    gateway_price_settings,
    grant_find_models,
    grant_read_prices,
)
from cdk.components.caller_role import CallerRole
from cdk.components.exhausted_credits import list_credit_keys
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from cdk.components.usage_counting import grant_read_budgets
from cdk.config.gateway_names import TRACE_ACTIONS
from lambdas.domain.credits import ExhaustedAction
from lambdas.domain.governance_keys import API_KEYS, PARTITION_KEY, POLICIES, SORT_KEY
from lambdas.domain.limit_policies import DUE_MARKS, MARKS
from lambdas.domain.limits import PARTITION_PREFIX
from lambdas.functions.gateway.settings import Settings

EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
"""The variable that names what runs in place of Lambda's own client of the Runtime API.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
"""
_WRAPPER = "/var/task/lambdas/functions/gateway/run"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_TIMEOUT = Duration.minutes(15)


class Gateway(MeterFunction):
    """The function `gateway`, the role of its callers and its URL.

    Attributes:
        caller_role: The role that it assumes for each caller.
        url: Its URL.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        governance: dynamodb.ITable,
        limits: dynamodb.ITable,
        state: dynamodb.ITable,
        prices: s3.IBucket,
        caller_role_arn: str,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            governance: The table with API keys and policies.
            limits: The table of limits.
            state: The table of the meter's state, with the models behind inference profiles.
            prices: The bucket of price editions.
            caller_role_arn: The role that it assumes for each caller.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                governance_table=governance.table_name,
                limits_table=limits.table_name,
                caller_role_arn=caller_role_arn,
                region=Aws.REGION,
                max_output_tokens=config.gateway_max_output_tokens,
                state_table=state.table_name,
                **gateway_price_settings(config, prices),
                project_name=config.gateway_project_name,
                attribution=config.attribution.model_dump(mode="json", exclude_defaults=True),
                rate_limit_headers=config.gateway_rate_limit_headers,
                kong_headers=config.gateway_kong_headers,
                refuse_exhausted=ExhaustedAction.GATEWAY in config.credits_exhausted,
                trace_share=config.gateway_trace_share,
            ),
            defaults=defaults,
            timeout=_MAX_TIMEOUT,
            groups=["gateway"],
            entry="main",
            reserved_concurrency=config.reserved_concurrency,
            is_optional=True,
        )
        self.add_environment(EXEC_WRAPPER, _WRAPPER)
        self.caller_role = CallerRole(scope, "CallerRole", gateway=self.execution_role)
        self.grant("sts:AssumeRole", on=caller_role_arn)
        self.grant_items("dynamodb:GetItem", on=governance.table_arn, keys=[API_KEYS, POLICIES])
        credit_keys = list_credit_keys(config, ExhaustedAction.GATEWAY)
        grant_read_budgets(self, governance, credit_keys)
        # No other attribute: it revives no revoked key.
        self.grant_items(
            "dynamodb:UpdateItem",
            on=governance.table_arn,
            keys=[API_KEYS],
            attributes=[PARTITION_KEY, SORT_KEY, "last_used_at"],
        )
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:UpdateItem"),
            on=limits.table_arn,
            keys=[f"{PARTITION_PREFIX}*"],
        )
        self.grant_items("dynamodb:PutItem", on=limits.table_arn, keys=[MARKS, DUE_MARKS])
        grant_read_prices(self, prices)
        grant_find_models(self, state)
        self.grant_read_write_data()
        if config.has_gateway_traces:
            self.grant(
                *TRACE_ACTIONS, on="*", wildcard="X-Ray supports no resource for these actions."
            )
        # Callers prove who they are by a key, which the function checks before all else.
        self.url = self.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.NONE,
            invoke_mode=lambda_.InvokeMode.RESPONSE_STREAM,
        )
