"""Small functions for the emulator to run."""

import io
import json
import zipfile
from typing import Any

from dashboards.preview.local_cloud.cloud import LocalCloud
from dashboards.preview.local_cloud.deployment import local_settings

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
    """Write messages to the stream `stream` of a group, at a time in milliseconds."""
    logs = cloud.client("logs")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    if not streams:
        logs.create_log_stream(logGroupName=group, logStreamName="stream")
    logs.put_log_events(
        logGroupName=group,
        logStreamName="stream",
        logEvents=[{"timestamp": timestamp, "message": message} for message in messages],
    )
