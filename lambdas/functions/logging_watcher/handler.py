"""Notifies when invocation logging or the meter is not as it was deployed, with who and what."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.adapters.cloudformation_stack import CloudFormationDeployments
from lambdas.adapters.cloudformation_templates import CloudFormationTemplates
from lambdas.adapters.cloudtrail_change_history import CloudTrailChangeHistory
from lambdas.adapters.cloudwatch.alarms import CloudWatchAlarms
from lambdas.adapters.cloudwatch_logs.log_groups import CloudWatchLogGroups
from lambdas.adapters.cloudwatch_logs.log_settings import CloudWatchLogSettings
from lambdas.adapters.dynamodb.memory_copy import DynamoDbMemoryCopy
from lambdas.adapters.dynamodb.tables import DynamoDbTables
from lambdas.adapters.dynamodb.watch_memory import DynamoDbWatchMemory
from lambdas.adapters.eventbridge_rules import EventBridgeRules
from lambdas.adapters.iam_roles import IamRoles
from lambdas.adapters.kms_keys import KmsKeys
from lambdas.adapters.lambda_functions import LambdaFunctions
from lambdas.adapters.notifiers.all_notifiers import AllNotifiers
from lambdas.adapters.notifiers.eventbridge_notifier import EventBridgeNotifier
from lambdas.adapters.notifiers.log_notifier import LogNotifier
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.adapters.sns_topics import SnsTopics
from lambdas.adapters.ssm_logging_memory import SsmLoggingMemory
from lambdas.domain.logging_configuration import LoggingChange, VerifiedMemory
from lambdas.domain.metrics.catalog import LOGGING_DIFFERENCES
from lambdas.functions.logging_watcher.settings import Settings
from lambdas.observability import record_health
from lambdas.services.check_safeguards import CheckSafeguards, LiveSafeguards, MeteredLogs
from lambdas.services.watch_logging import LiveLogging, WatchLogging

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
_OF_A_TRAIL = "AWS API Call via CloudTrail"
# CloudTrail answers two requests a second for the whole account.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8})


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Check because a trail reports a change, or because the schedule asks."""
    is_of_a_trail = event["detail-type"] == _OF_A_TRAIL
    change = LoggingChange.from_event(event["detail"]) if is_of_a_trail else None
    finding = watch()(change, datetime.fromisoformat(event["time"]))
    record_health({LOGGING_DIFFERENCES: len(finding.differences)})


@cache
def settings() -> Settings:
    """The function's settings, read once."""
    return Settings.from_environment(os.environ)


@cache
def watch() -> WatchLogging:
    """What watches, made once."""
    deployed = settings()
    logs, sns = boto3.client("logs"), boto3.client("sns")
    cloudformation, events = boto3.client("cloudformation"), boto3.client("events")
    dynamodb = boto3.client("dynamodb")
    return WatchLogging(
        deployed=deployed.deployed(),
        deploying_role_arn=deployed.deploying_role_arn,
        put=VerifiedMemory(
            SsmLoggingMemory(boto3.client("ssm"), deployed.memory_parameter),
            DynamoDbMemoryCopy(dynamodb, deployed.state_table),
        ),
        live=LiveLogging(
            api=BedrockLoggingApi(boto3.client("bedrock")),
            groups=CloudWatchLogGroups(logs),
            roles=IamRoles(boto3.client("iam")),
        ),
        safeguards=CheckSafeguards(
            stacks=CloudFormationTemplates(cloudformation, deployed.stacks),
            live=LiveSafeguards(
                alarms=CloudWatchAlarms(boto3.client("cloudwatch")),
                topics=SnsTopics(sns),
                keys=KmsKeys(boto3.client("kms")),
                logs=CloudWatchLogSettings(logs),
                rules=EventBridgeRules(events),
                functions=LambdaFunctions(boto3.client("lambda")),
                tables=DynamoDbTables(dynamodb),
            ),
            metered=MeteredLogs(
                deployed.log_group, deployed.destination_arn, deployed.known_log_policies
            ),
        ),
        history=CloudTrailChangeHistory(boto3.client("cloudtrail", config=_PATIENT)),
        deployments=CloudFormationDeployments(cloudformation, deployed.stacks),
        memory=DynamoDbWatchMemory(dynamodb, deployed.state_table),
        notifier=AllNotifiers(
            LogNotifier(), EventBridgeNotifier(events), SnsNotifier(sns, deployed.topic_arn)
        ),
    )
