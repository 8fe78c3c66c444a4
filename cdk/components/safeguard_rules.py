"""Grants and rules of `logging_watcher` for alarms, notifications, logs and functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

from cdk.components.event_patterns import trail_calls
from cdk.components.meter_function import MeterFunction
from cdk.components.notification_topic import NotificationTopic
from cdk.config import stack_names
from cdk.config.resource_names import NAME_PREFIX
from lambdas.domain.logging_configuration import WATCHED, Subject
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS

_FUNCTION_STACKS = (
    *(stack_names.INGESTION, stack_names.REPORTING),
    *(stack_names.GOVERNANCE, stack_names.GATEWAY, stack_names.MONITORING),
)
_OWN_NAMES = "Generated names of what the meter's own stacks deploy begin so."
_Patterns = Sequence[Mapping[str, Any]]


def grant_read_safeguards(
    function: MeterFunction,
    *,
    topic: NotificationTopic,
    stream_mapping: lambda_.CfnEventSourceMapping,
    tables: Sequence[dynamodb.ITable],
) -> None:
    """Grant reading of the live settings that a function compares with the deployed values.

    Args:
        function: The function.
        topic: The topic of notifications.
        stream_mapping: The event source mapping that starts `metric_publisher`.
        tables: The meter's tables.
    """
    here = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    function.grant(
        *("cloudwatch:DescribeAlarms", "cloudwatch:ListAlarmMuteRules"),
        *("cloudwatch:GetAlarmMuteRule", "logs:DescribeAccountPolicies"),
        "sns:GetSubscriptionAttributes",
        on="*",
        wildcard="These actions support no resource, or list only a part with one.",
    )
    function.grant("sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", on=topic.topic_arn)
    function.grant("kms:DescribeKey", "kms:GetKeyPolicy", on=topic.key.key_arn)
    function.grant(
        *("events:DescribeRule", "events:ListTargetsByRule"),
        on=f"arn:{Aws.PARTITION}:events:{here}:rule/{NAME_PREFIX}*",
        wildcard=_OWN_NAMES,
    )
    function.grant(
        *("lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration"),
        "lambda:GetFunctionEventInvokeConfig",
        on=f"arn:{Aws.PARTITION}:lambda:{here}:function:{NAME_PREFIX}*",
        wildcard=_OWN_NAMES,
    )
    mappings = f"arn:{Aws.PARTITION}:lambda:{here}:event-source-mapping"
    function.grant("lambda:GetEventSourceMapping", on=f"{mappings}:{stream_mapping.attr_id}")
    for table in tables:
        function.grant(
            *("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"),
            *("dynamodb:DescribeTimeToLive", "dynamodb:GetResourcePolicy"),
            on=table.table_arn,
        )


def grant_read_mappings(function: MeterFunction, *, of_functions: Sequence[str]) -> None:
    """Grant reading of the event source mappings of functions in optional stacks.

    The id of a mapping is known only where it is created, and an export of it would keep the
    optional stack from being removed.

    Args:
        function: The function that reads.
        of_functions: The fixed names of the functions that the mappings start.
    """
    here = f"{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    function.grant(
        "lambda:GetEventSourceMapping",
        on=f"arn:{here}:event-source-mapping:*",
        conditions={
            "ArnEquals": {
                "lambda:FunctionArn": [f"arn:{here}:function:{name}" for name in of_functions]
            }
        },
        wildcard="Mappings have generated ids. The condition names the functions that they start.",
    )


def start_on_changed_safeguards(
    function: MeterFunction,
    *,
    log_group: str,
    topic: NotificationTopic,
    stream_mapping: lambda_.CfnEventSourceMapping,
    tables: Sequence[dynamodb.ITable],
) -> None:
    """Start a function when a trail reports a change to alarms, notifications, logs or functions.

    Changes by CloudFormation do not start it: a deployment makes dozens of them at once. The
    scheduled check compares their result.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    own_names = [{"prefix": NAME_PREFIX}]
    own_groups = [{"prefix": name} for name in _FUNCTION_STACKS]
    metered = [{"wildcard": f"*{log_group}*"}]
    parameters: Mapping[Subject, _Patterns] = {
        Subject.ALARM: [
            {"alarmName": own_names},
            {"alarmNames": own_names},
            {"muteTargets": {"alarmNames": own_names}},
        ],
        Subject.TOPIC: [
            {"topicArn": [topic.topic_arn]},
            {"resourceArn": [topic.topic_arn]},
            {"subscriptionArn": [{"prefix": topic.topic_arn}]},
        ],
        Subject.KEY: [{"keyId": [{"suffix": topic.key.key_id}]}],
        Subject.LOG_POLICY: [
            {"logGroupIdentifier": metered},
            {"policyType": [*ACCOUNT_POLICY_EFFECTS]},
            {"logGroupName": own_groups},
        ],
        Subject.RULE: [{"name": own_names}, {"rule": own_names}],
        Subject.FUNCTION: [
            {"functionName": [{"wildcard": f"*{NAME_PREFIX}*"}]},
            {"uUID": [stream_mapping.attr_id]},
            {"uuid": [stream_mapping.attr_id]},
        ],
        # The requests take a name and an ARN alike.
        Subject.LEDGER: [
            {"tableName": [{"suffix": table.table_name} for table in tables]},
            {"resourceArn": [{"prefix": table.table_arn} for table in tables]},
        ],
    }
    for subject, patterns in parameters.items():
        watched = WATCHED[subject]
        function.start_on_event(
            f"{subject.title().replace('_', '')}Change",
            trail_calls(
                watched.service,
                watched.actions,
                {
                    "userIdentity": {
                        "invokedBy": [
                            {"exists": False},
                            {"anything-but": ["cloudformation.amazonaws.com"]},
                        ]
                    },
                    "$or": [{"requestParameters": dict(pattern)} for pattern in patterns],
                },
            ),
            description=f"a {subject.replace('_', ' ')} of the meter changes",
        )
