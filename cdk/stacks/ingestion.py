"""From Bedrock's invocation logs to the ledger, and from its stream to CloudWatch metrics."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import (
    ArnFormat,
    Aws,
    CfnOutput,
    CustomResource,
    Duration,
    Environment,
    RemovalPolicy,
    Stack,
    custom_resources,
)
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.components.call_settings import call_settings
from cdk.components.failure_destination import FailureDestination
from cdk.components.logging_role import LoggingRole
from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.config import Config, stack_names
from cdk.functions.price_updater import PriceUpdater, grant_read_prices
from cdk.stacks.storage import StorageStack
from lambdas.domain.ledger.table import (
    CALL_PREFIX,
    CORRECTION_PREFIX,
    IDENTITIES_PREFIX,
    IDENTITY_PREFIX,
    MEMORY_KEY,
    MODEL_SCOPE,
    PAIR_SCOPE,
    PARTITION_KEY,
    PROJECT_SCOPE,
    SESSIONS_PREFIX,
    TAGS_PREFIX,
    TURN_PREFIX,
    UNPRICED_INDEX,
    UNPRICED_PREFIX,
    WAITING_PREFIX,
)
from lambdas.domain.logging_configuration import ExistingPolicy
from lambdas.domain.metrics.catalog import NAMESPACE
from lambdas.functions.log_processor.settings import Settings as LogProcessorSettings
from lambdas.functions.logging_configurator.settings import Settings as LoggingConfiguratorSettings
from lambdas.functions.metric_publisher.settings import Settings as MetricPublisherSettings
from lambdas.functions.price_refresher.settings import Settings as PriceRefresherSettings

_STREAM_BATCH = 1000
STREAM_WINDOW = Duration.seconds(30)
"""How long changes of the ledger are gathered before they are published."""
REPRICED_EVERY = Duration.hours(1)
_STREAM_TRIES = 100
_LONGEST_RETRY = Duration.hours(6)  # well within the stream's own 24 hours
_CALLS = f"{CALL_PREFIX}*"
_NOTES = f"{UNPRICED_PREFIX}*"
_GROUPS = f"{WAITING_PREFIX}*"
_TAGS = f"{TAGS_PREFIX}*"
_IDENTITIES = [
    f"{scope}{prefix}*"
    for scope in ("", PROJECT_SCOPE, MODEL_SCOPE, PAIR_SCOPE)
    for prefix in (IDENTITY_PREFIX, IDENTITIES_PREFIX, SESSIONS_PREFIX)
]
"""Which items of the ledger table are of which kind, by their keys."""
_LOGGING_VERBS = ("Delete", "Get", "Put")


class IngestionStack(Stack):
    """The functions, what starts them, and Bedrock's logging configuration.

    Attributes:
        metered_group: The log group that is metered, by name: the meter's own, or an adopted one.
        log_processor: Writes calls to the ledger.
        metric_publisher: Publishes metrics of them.
        price_refresher: Publishes the cost of calls that had no price before.
        price_updater: Keeps list prices up to date; `None` where `price_updates` is off.
        logging_configurator: Switches Bedrock's logging on and off.
        logging_role: The role with which Bedrock writes logs.
        stream_mapping: What starts `metric_publisher`.
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
            stack_name=stack_names.INGESTION,
            description="Bedrock Meter: from invocation logs to the ledger and to metrics",
            env=environment,
        )
        self._config = config
        self._storage = storage
        self._code = FunctionCode(self, config)
        self._failures = FailureDestination(storage.failures, storage.key)
        self.metered_group = config.adopted_log_group or storage.log_group.log_group_name

        self.log_processor = self._make_log_processor()
        self.metric_publisher = self._make_metric_publisher()
        self.price_refresher = self._make_price_refresher()
        self.price_updater = self._make_price_updater()
        self.stream_mapping = self._map_stream()
        subscription = self._subscribe()
        self.logging_role = LoggingRole(
            self, "LoggingRole", log_group_name=storage.log_group.log_group_name
        )
        self.logging_configurator = self._make_logging_configurator()
        self._switch_logging_on(subscription)
        CfnOutput(self, "LogProcessorName", value=self.log_processor.function_name)
        CfnOutput(self, "MetricPublisherName", value=self.metric_publisher.function_name)
        CfnOutput(self, "PriceRefresherName", value=self.price_refresher.function_name)
        if self.price_updater is not None:
            CfnOutput(self, "PriceUpdaterName", value=self.price_updater.function_name)
        if config.adopted_log_group is not None:
            CfnOutput(self, "AdoptedLogGroupName", value=config.adopted_log_group)

    def _make_log_processor(self) -> MeterFunction:
        function = MeterFunction(
            self,
            "LogProcessor",
            job="log_processor",
            settings=LogProcessorSettings(
                log_group=self.metered_group,
                account_id=Aws.ACCOUNT_ID,
                region=Aws.REGION,
                ledger_table=self._storage.ledger.table_name,
                ledger_retention_days=self._config.ledger_retention_days,
                quarantine_bucket=self._storage.quarantine.bucket_name,
                metadata_names=tuple(
                    sorted(self._config.attribution_rules.label_names.metadata_names)
                ),
            ),
            code=self._code,
            timeout=Duration.seconds(60),
            log_key=self._storage.stored_with,
        )
        # `BatchExecuteStatement` is no action of its own: each statement is.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
        ledger = ("dynamodb:PartiQLInsert", "dynamodb:BatchGetItem", "dynamodb:PutItem")
        function.allow_items(*ledger, on=self._storage.ledger.table_arn, keys=[_CALLS])
        function.allow("s3:PutObject", on=self._storage.quarantine.arn_for_objects("rejected/*"))
        self._let_use_key(function)
        retries = lambda_.CfnEventInvokeConfig(
            self,
            "LogProcessorRetries",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=_LONGEST_RETRY.to_seconds(),
            destination_config=self._failures.of(function),
        )
        retries.node.add_dependency(function.role)  # Lambda checks what the role may do
        return function

    def _make_metric_publisher(self) -> MeterFunction:
        function = MeterFunction(
            self,
            "MetricPublisher",
            job="metric_publisher",
            settings=MetricPublisherSettings(
                stack_id=self.stack_id,
                ledger_retention_days=self._config.ledger_retention_days,
                **self._publishing(),
            ),
            code=self._code,
            timeout=Duration.minutes(2),
            log_key=self._storage.stored_with,
        )
        self._let_publish(function)
        function.allow_items(
            "dynamodb:BatchWriteItem", on=self._storage.ledger.table_arn, keys=[_GROUPS]
        )
        function.allow(
            *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
            on=str(self._storage.ledger.table_stream_arn),
        )
        function.allow("dynamodb:ListStreams", on="*")
        function.allow("cloudformation:DescribeStacks", on=self.stack_id)
        return function

    def _make_price_refresher(self) -> MeterFunction:
        function = MeterFunction(
            self,
            "PriceRefresher",
            job="price_refresher",
            settings=PriceRefresherSettings(**self._publishing()),
            code=self._code,
            timeout=Duration.minutes(15),
            log_key=self._storage.stored_with,
        )
        self._let_publish(function)
        table = self._storage.ledger.table_arn
        function.allow_items("dynamodb:BatchGetItem", on=table, keys=[_CALLS, _NOTES, _GROUPS])
        turn, progress = f"{TURN_PREFIX}*", f"{CORRECTION_PREFIX}*"
        function.allow_items("dynamodb:PutItem", on=table, keys=[turn, progress])
        function.allow_items("dynamodb:GetItem", on=table, keys=[progress])
        function.allow_items("dynamodb:DeleteItem", on=table, keys=[turn, _GROUPS])
        function.allow("dynamodb:Query", on=f"{table}/index/{UNPRICED_INDEX}")
        function.allow("dynamodb:Scan", on=table)
        lambda_.CfnEventInvokeConfig(
            self,
            "PriceRefresherRetries",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=0,  # the next run does what is left
        )
        events.Rule(
            self,
            "PriceRefresherSchedule",
            description="Bedrock Meter: publish the cost of calls whose price became known",
            schedule=events.Schedule.rate(REPRICED_EVERY),
            targets=[targets.LambdaFunction(function)],
        )
        return function

    def _make_price_updater(self) -> PriceUpdater | None:
        if not self._config.price_updates:
            return None
        return PriceUpdater(
            self, "PriceUpdater", config=self._config, storage=self._storage, code=self._code
        )

    def _publishing(self) -> dict[str, Any]:
        """The settings of functions that publish metrics of calls."""
        return {
            **call_settings(self._config, self._storage),
            "metric_detail": self._config.metric_detail,
            "identity_bound": self._config.identity_bound,
            "max_models": self._config.max_models,
            "folding_patterns": self._config.folding_patterns,
        }

    def _let_publish(self, function: MeterFunction) -> None:
        """Let a function publish calls, and keep what it needs to remember beside them."""
        table = self._storage.ledger.table_arn
        notes = ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")
        function.allow_items(*notes, on=table, keys=[_NOTES])
        tags = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem")
        function.allow_items(*tags, on=table, keys=[_TAGS])
        registry = ("dynamodb:PutItem", "dynamodb:UpdateItem")
        function.allow_items(*registry, on=table, keys=_IDENTITIES)
        function.let_read_tags()
        grant_read_prices(function, self._storage)
        function.allow(
            "cloudwatch:PutMetricData",
            on="*",
            conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
        )
        self._let_use_key(function)

    def _map_stream(self) -> lambda_.CfnEventSourceMapping:
        calls = {"dynamodb": {"Keys": {PARTITION_KEY: {"S": [{"prefix": CALL_PREFIX}]}}}}
        # Items that expire name DynamoDB as who removed them; all others name no one.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        not_expired = {"userIdentity": {"principalId": [{"exists": False}]}}
        patterns = (
            {"eventName": ["INSERT", "MODIFY"], **calls},
            {"eventName": ["REMOVE"], **not_expired, **calls},
        )
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "LedgerStream",
            function_name=self.metric_publisher.function_name,
            event_source_arn=self._storage.ledger.table_stream_arn,
            # From LATEST, changes may be missed while polling starts or is updated:
            # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
            # The function passes over what the stream has from before this deployment. A mapping
            # that is replaced would publish a day once more: keep its name and this property.
            starting_position="TRIM_HORIZON",
            batch_size=_STREAM_BATCH,
            maximum_batching_window_in_seconds=STREAM_WINDOW.to_seconds(),
            maximum_retry_attempts=_STREAM_TRIES,
            maximum_record_age_in_seconds=_LONGEST_RETRY.to_seconds(),
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria={"filters": [{"pattern": json.dumps(pattern)} for pattern in patterns]},
            destination_config=self._failures.of(self.metric_publisher),
            metrics_config={"metrics": ["EventCount"]},
        )
        mapping.node.add_dependency(self.metric_publisher.role)
        return mapping

    def _subscribe(self) -> logs.CfnSubscriptionFilter:
        log_group_arn = self.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{self.metered_group}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        permission = lambda_.CfnPermission(
            self,
            "LogsMayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.log_processor.function_arn,
            principal="logs.amazonaws.com",
            source_arn=log_group_arn,
            source_account=self.account,
        )
        subscription = logs.CfnSubscriptionFilter(
            self,
            "Subscription",
            log_group_name=self.metered_group,
            filter_pattern="",
            destination_arn=self.log_processor.function_arn,
        )
        subscription.node.add_dependency(permission)
        return subscription

    def _make_logging_configurator(self) -> MeterFunction:
        function = MeterFunction(
            self,
            "LoggingConfigurator",
            job="logging_configurator",
            settings=self._logging_settings(),
            code=self._code,
            layers=[self._code.newest_boto3],
            timeout=Duration.minutes(3),  # a new role takes a while to be known everywhere
            log_key=self._storage.stored_with,
        )
        function.allow(
            *(f"bedrock:{verb}ModelInvocationLoggingConfiguration" for verb in _LOGGING_VERBS),
            on="*",
        )
        function.allow(
            "ssm:GetParameter", "ssm:PutParameter", on=self._storage.memory.parameter_arn
        )
        function.allow_items(
            *("dynamodb:GetItem", "dynamodb:PutItem"),
            on=self._storage.ledger.table_arn,
            keys=[MEMORY_KEY],
        )
        function.allow("cloudformation:DescribeStacks", on=self.stack_id)
        self._let_use_key(function)
        return function

    def _logging_settings(self) -> LoggingConfiguratorSettings:
        return LoggingConfiguratorSettings(
            stack_id=self.stack_id,
            memory_parameter=self._storage.memory.parameter_name,
            ledger_table=self._storage.ledger.table_name,
            log_group=self._storage.log_group.log_group_name,
            role_arn=self.logging_role.role_arn,
            is_content_logged=self._config.log_content,
            existing_policy=self._config.existing_logging,
            metered_log_group=self.metered_group,
        )

    def _switch_logging_on(self, subscription: logs.CfnSubscriptionFilter) -> None:
        role = self.logging_role
        # What was replaced is put back, in the end or to be adopted, with a role of its own, which
        # nobody knows before.
        any_role = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/*"
        may_restore = self._config.existing_logging is not ExistingPolicy.REFUSE
        self.logging_configurator.allow(
            "iam:PassRole",
            on=any_role if may_restore else role.role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
        )
        log_group = logs.LogGroup(
            self,
            "LoggingProviderLog",
            retention=logs.RetentionDays.ONE_MONTH,
            encryption_key=self._storage.stored_with,
            removal_policy=RemovalPolicy.DESTROY,
        )
        provider_role = iam.Role(
            self,
            "LoggingProviderRole",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        log_group.grant_write(provider_role)
        provider = custom_resources.Provider(
            self,
            "LoggingProvider",
            on_event_handler=self.logging_configurator,
            framework_on_event_role=provider_role,
            log_group=log_group,
        )
        resource = CustomResource(
            self,
            "InvocationLogging",
            service_token=provider.service_token,
            resource_type="Custom::BedrockInvocationLogging",
            # The function reads its environment. The same values here make CloudFormation call it
            # after each change of them, and after each rollback, when it is as it was.
            properties={"Settings": self._logging_settings().to_environment()},
        )
        # Bedrock tries the role; and from the first record on, none may be missed.
        resource.node.add_dependency(role.writing, subscription, self.logging_configurator)

    def _let_use_key(self, function: MeterFunction) -> None:
        if self._storage.stored_with is not None:
            self._storage.stored_with.grant_encrypt_decrypt(function)
