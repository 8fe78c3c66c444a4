"""The watcher of `logging_watcher`, over every service that can silence the meter."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import boto3
from botocore.config import Config

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.adapters.cloudformation_stack import CloudFormationDeployments
from lambdas.adapters.cloudformation_templates import CloudFormationTemplates
from lambdas.adapters.cloudtrail_change_history import CloudTrailChangeHistory
from lambdas.adapters.cloudwatch.alarms import CloudWatchAlarms
from lambdas.adapters.cloudwatch_logs.log_groups import CloudWatchLogGroups
from lambdas.adapters.cloudwatch_logs.log_settings import CloudWatchLogSettings
from lambdas.adapters.dynamodb.state_copy import DynamoDbStateCopy
from lambdas.adapters.dynamodb.tables import DynamoDbTables
from lambdas.adapters.dynamodb.watch_state_store import DynamoDbWatchStateStore
from lambdas.adapters.eventbridge_rules import EventBridgeRules
from lambdas.adapters.iam_roles import IamRoles
from lambdas.adapters.kms_keys import KmsKeys
from lambdas.adapters.lambda_functions import LambdaFunctions
from lambdas.adapters.sns_topics import SnsTopics
from lambdas.adapters.ssm_logging_state import SsmLoggingState
from lambdas.domain.logging_configuration import DeployedLogging, VerifiedState
from lambdas.services.check_safeguards import LiveSafeguards, MeteredLogs, SafeguardChecker
from lambdas.services.watch_logging import LiveLogging, LoggingWatcher
from lambdas.wiring.notifiers import make_notifier

# CloudTrail answers two requests a second for the whole account.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8})


def make_watcher(
    *,
    deployed: DeployedLogging,
    deploying_role_arn: str,
    known_log_policies: Collection[str],
    state_table: str,
    stacks: Sequence[str],
    topic_arn: str,
) -> LoggingWatcher:
    """Make a watcher of the account that the function runs in."""
    cloudformation, dynamodb = boto3.client("cloudformation"), boto3.client("dynamodb")
    logs = boto3.client("logs")
    return LoggingWatcher(
        deployed=deployed,
        deploying_role_arn=deploying_role_arn,
        verified_state=VerifiedState(
            SsmLoggingState(boto3.client("ssm"), deployed.logging_state_parameter),
            DynamoDbStateCopy(dynamodb, state_table),
        ),
        live=LiveLogging(
            api=BedrockLoggingApi(boto3.client("bedrock")),
            groups=CloudWatchLogGroups(logs),
            roles=IamRoles(boto3.client("iam")),
        ),
        safeguards=SafeguardChecker(
            stacks=CloudFormationTemplates(cloudformation, stacks),
            live=LiveSafeguards(
                alarms=CloudWatchAlarms(boto3.client("cloudwatch")),
                topics=SnsTopics(boto3.client("sns")),
                keys=KmsKeys(boto3.client("kms")),
                logs=CloudWatchLogSettings(logs),
                rules=EventBridgeRules(boto3.client("events")),
                functions=LambdaFunctions(boto3.client("lambda")),
                tables=DynamoDbTables(dynamodb),
            ),
            metered=MeteredLogs(deployed.log_group, deployed.destination_arn, known_log_policies),
        ),
        history=CloudTrailChangeHistory(boto3.client("cloudtrail", config=_PATIENT)),
        deployments=CloudFormationDeployments(cloudformation, stacks),
        watch_state=DynamoDbWatchStateStore(dynamodb, state_table),
        notifier=make_notifier(topic_arn),
    )
