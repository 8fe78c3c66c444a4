"""The function that writes calls to the ledger, and its subscription to the invocation logs."""

from __future__ import annotations

from aws_cdk import ArnFormat, Aws, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.acknowledgements import UNKNOWN_NAMES
from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from lambdas.functions.log_processor.settings import Settings


class LogProcessor(MeterFunction):
    """The function `log_processor`, subscribed to the metered log group.

    Attributes:
        subscription: The subscription filter of the metered log group.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        metered_group: str,
        ledger: dynamodb.ITable,
        quarantine: s3.IBucket,
        failures: FailureDestination,
        caller_role: str | None = None,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            metered_group: The name of the metered log group.
            ledger: The table of calls.
            quarantine: The bucket of rejected records.
            failures: The destination of deliveries that failed every attempt.
            caller_role: The name of the role of the gateway's calls; `None` without a gateway.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                log_group=metered_group,
                account_id=Aws.ACCOUNT_ID,
                region=Aws.REGION,
                ledger_table=ledger.table_name,
                ledger_retention_days=config.ledger_retention_days,
                quarantine_bucket=quarantine.bucket_name,
                metadata_names=tuple(sorted(config.attribution_rules.label_names.metadata_names)),
                caller_role=caller_role,
            ),
            defaults=defaults,
            timeout=Duration.seconds(60),
        )
        # IAM authorizes each statement; `BatchExecuteStatement` is not an action.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
        self.grant(
            *("dynamodb:PartiQLInsert", "dynamodb:BatchGetItem", "dynamodb:PutItem"),
            on=ledger.table_arn,
        )
        rejected = quarantine.arn_for_objects("rejected/*")
        self.grant("s3:PutObject", on=rejected, wildcard=UNKNOWN_NAMES)
        self.grant_read_write_data()
        self._retry(failures)
        self.subscription = self._subscribe(metered_group)

    def _retry(self, failures: FailureDestination) -> None:
        retries = lambda_.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=self.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=failures.max_event_age.to_seconds(),
            destination_config=failures.grant_and_configure(self),
        )
        retries.node.add_dependency(self.execution_role)  # Lambda checks the role's permissions

    def _subscribe(self, log_group: str) -> logs.CfnSubscriptionFilter:
        stack = Stack.of(self)
        permission = lambda_.CfnPermission(
            self,
            "LogsMayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.function_arn,
            principal="logs.amazonaws.com",
            source_arn=stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"{log_group}:*",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            source_account=stack.account,
        )
        subscription = logs.CfnSubscriptionFilter(
            self,
            "Subscription",
            log_group_name=log_group,
            filter_pattern="",
            destination_arn=self.function_arn,
        )
        subscription.node.add_dependency(permission)
        return subscription
