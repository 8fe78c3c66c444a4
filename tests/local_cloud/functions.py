"""Small functions for the emulator to run."""

import io
import json
import zipfile
from contextlib import suppress
from typing import Any

from cdk.local_cloud.cloud import LocalCloud
from cdk.local_cloud.deployment import local_settings
from lambdas.domain.invocations import BEDROCK_LOG_STREAM

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def make_function(cloud: LocalCloud, name: str, code: str) -> str:
    """Make a function whose handler is `lambda_handler` in this code; returns its ARN."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", code)
    role = cloud.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST)
    )["Role"]["Arn"]
    function: dict[str, Any] = cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime=f"python{local_settings()['python_version']}",
        Role=role,
        Handler="code.lambda_handler",
        Code={"ZipFile": content.getvalue()},
    )
    arn: str = function["FunctionArn"]
    return arn


def put_logs(cloud: LocalCloud, group: str, *messages: str, timestamp: int) -> None:
    """Write messages to Bedrock's stream of a group, at a time in milliseconds."""
    logs = cloud.client("logs")
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=BEDROCK_LOG_STREAM)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=BEDROCK_LOG_STREAM,
        logEvents=[{"timestamp": timestamp, "message": message} for message in messages],
    )
