"""The watch over logging and the meter, on schedule and when a trail reports a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm

from cdk.components.event_patterns import trail_calls
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.logging_role import LoggingRole
from cdk.components.notice_events import grant_publish_events
from cdk.components.notification_topic import NotificationTopic
from cdk.components.safeguard_rules import grant_read_safeguards, start_on_changed_safeguards
from cdk.components.scheduled_function import ScheduledFunction
from cdk.config import Config
from cdk.config.boundary_name import boundary_name
from lambdas.domain.ledger.state_table import LOGGING_STATE_KEY, WATCH_KEY
from lambdas.domain.logging_configuration import WATCHED, WatchedActions
from lambdas.functions.logging_watcher.settings import Settings


class LoggingWatcher(ScheduledFunction):
    """The function `logging_watcher`, and its triggers."""

    def __init__(
        self,
        scope: Stack,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        log_group: str,
        log_processor: lambda_.IFunction,
        logging_role: LoggingRole,
        deploying_role: iam.IRole,
        logging_state: ssm.IStringParameter,
        tables: Sequence[dynamodb.ITable],
        state: dynamodb.ITable,
        stream_mapping: lambda_.CfnEventSourceMapping,
        topic: NotificationTopic,
    ) -> None:
        """Make the function, its schedule and the rules of events.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            log_group: The name of the metered log group.
            log_processor: The function that the log group's subscription starts.
            logging_role: The role with which Bedrock writes logs.
            deploying_role: The role with which deployments configure Bedrock's logging.
            logging_state: The parameter with Bedrock's configuration, ours and the one before.
            tables: All tables of the meter, whose settings it compares.
            state: The table that stores the results of its checks.
            stream_mapping: The event source mapping that starts `metric_publisher`.
            topic: The topic to which it publishes changes.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                logging_state_parameter=logging_state.parameter_name,
                state_table=state.table_name,
                topic_arn=topic.topic_arn,
                deploying_role_arn=deploying_role.role_arn,
                log_group=log_group,
                destination_arn=log_processor.function_arn,
                **_read_config(defaults.config),
                **_describe_role(logging_role, scope),
            ),
            defaults=defaults,
            groups=["aws-sdk"],  # mute rules of alarms are new
            timeout=Duration.minutes(10),  # where AWS is busy, each read is tried five times
        )
        topic.grant_publish(self)
        grant_publish_events(self)
        self._grant_read_logging(logging_role, defaults.config.stacks)
        grant_read_safeguards(self, topic=topic, stream_mapping=stream_mapping, tables=tables)
        self._grant_state(logging_state, state)
        self._start_on_changes(
            {
                "logGroupName": log_group,
                "roleName": logging_role.role_name,
                "name": logging_state.parameter_name,
            }
        )
        start_on_changed_safeguards(
            self, log_group=log_group, topic=topic, stream_mapping=stream_mapping, tables=tables
        )
        self.run_every(
            Duration.minutes(15),
            purpose="checks that invocation logging and the meter match the deployment",
            retries=None,
        )

    def _grant_state(self, logging_state: ssm.IStringParameter, state: dynamodb.ITable) -> None:
        self.grant("ssm:GetParameter", on=logging_state.parameter_arn)
        table = state.table_arn
        self.grant_items("dynamodb:GetItem", on=table, keys=[LOGGING_STATE_KEY, WATCH_KEY])
        self.grant_items("dynamodb:PutItem", on=table, keys=[WATCH_KEY])
        self.grant_read_write_data()

    def _grant_read_logging(self, logging_role: LoggingRole, stacks: Sequence[str]) -> None:
        self.grant(
            *("bedrock:GetModelInvocationLoggingConfiguration", "cloudtrail:LookupEvents"),
            "logs:DescribeLogGroups",
            on="*",
            wildcard="These actions support no resource, or list only a part with one.",
        )
        here = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        self.grant(
            *("logs:DescribeSubscriptionFilters", "logs:GetDataProtectionPolicy"),
            "logs:GetTransformer",
            on=f"arn:{Aws.PARTITION}:logs:{here}:log-group:*",
            wildcard="Whoever replaces the logging configuration may name any log group.",
        )
        self.grant(
            *("iam:GetRole", "iam:GetRolePolicy"),
            *("iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
            on=logging_role.role_arn,
        )
        for name in stacks:
            stack = f"arn:{Aws.PARTITION}:cloudformation:{here}:stack/{name}/*"
            self.grant(
                *("cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"),
                *("cloudformation:GetTemplate", "cloudformation:ListStackResources"),
                on=stack,
                wildcard="A stack's ARN ends in an id that is new with each creation.",
            )

    def _start_on_changes(self, names: dict[str, str]) -> None:
        """Start the function where an account's trail reports a change."""
        for subject, watched in WATCHED.items():
            if not subject.is_logging:
                continue
            named = (
                {"requestParameters": _naming(watched, names[watched.target])}
                if watched.target
                else {}
            )
            self.start_on_event(
                f"{subject.title().replace('_', '')}Change",
                trail_calls(
                    watched.service, watched.actions, named, source=f"aws.{watched.service}"
                ),
                description=f"the {subject.replace('_', ' ')} of logging changes",
            )


def _read_config(config: Config) -> dict[str, Any]:
    """Read the settings that come from the configuration."""
    return {
        "stacks": config.stacks,
        "is_adopted": config.adopted_log_group is not None,
        "retention_days": config.log_retention_days,
        "known_log_policies": config.known_log_policies,
        "is_content_logged": config.log_content,
    }


def _describe_role(role: LoggingRole, stack: Stack) -> dict[str, Any]:
    """Describe the logging role as it is deployed."""
    return {
        "role_arn": role.role_arn,
        "role_name": role.role_name,
        "role_trust": stack.to_json_string(role.trust),
        "role_policy": stack.to_json_string(role.writing.document.to_json()),
        "role_boundary": stack.format_arn(
            service="iam",
            region="",
            resource="policy",
            resource_name=boundary_name(Aws.REGION),
        ),
    }


def _naming(watched: WatchedActions, name: str) -> dict[str, Any]:
    """Match request parameters that name something, alone or in a list.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    parameters = [{str(watched.target): [name]}]
    if watched.targets is None:
        return parameters[0]
    return {"$or": [*parameters, {watched.targets: [name]}]}
