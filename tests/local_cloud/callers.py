"""Users and sessions of roles in a local cloud, and the calls of Bedrock that are refused them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from cdk.local_cloud.cloud import ACCOUNT, LocalCloud

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
USE = {"Effect": "Allow", "Action": ["bedrock:*", "s3:ListAllMyBuckets"], "Resource": "*"}
USES = json.dumps({"Version": "2012-10-17", "Statement": [USE]})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            }
        ],
    }
)
_QUESTION = [{"role": "user", "content": [{"text": "Hello"}]}]
_BODY = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": []})
OPERATIONS: Mapping[str, Callable[[Any], Any]] = {
    "Converse": lambda bedrock: bedrock.converse(modelId=MODEL, messages=_QUESTION),
    "ConverseStream": lambda bedrock: bedrock.converse_stream(modelId=MODEL, messages=_QUESTION),
    "InvokeModel": lambda bedrock: bedrock.invoke_model(modelId=MODEL, body=_BODY),
    "InvokeModelWithResponseStream": lambda bedrock: bedrock.invoke_model_with_response_stream(
        modelId=MODEL, body=_BODY
    ),
}


def client_with(cloud: LocalCloud, service: str, user: str, *grants: dict[str, Any]) -> Any:
    """A client of a service as a new user who has these grants."""
    iam = cloud.client("iam")
    iam.create_user(UserName=user)
    document = json.dumps({"Version": "2012-10-17", "Statement": grants})
    iam.put_user_policy(UserName=user, PolicyName="grants", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return cloud.client(service, key["AccessKeyId"], key["SecretAccessKey"])


def client_in_session(cloud: LocalCloud, service: str, role: str, session: str) -> Any:
    """A client of a service with the credentials of a session."""
    found = cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=session
    )["Credentials"]
    return cloud.client(
        service, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )


def list_refused(bedrock: Any) -> set[str]:
    """The operations that are refused; an answer of the model, good or bad, is not."""
    refused = set()
    for name, ask in OPERATIONS.items():
        try:
            answer = ask(bedrock)
            for part in ("body", "stream"):
                if part in answer:
                    answer[part].close()
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                refused.add(name)
    return refused
