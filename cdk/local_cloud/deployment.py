"""Deploys the synthesized app quickly: assets into a bucket, then each stack's template."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud, LocalCloudError
from cdk.operations import assembly
from cdk.operations.boundary import Boundary
from cdk.operations.deny_policy import DenyPolicy

_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_PSEUDO_PARAMETERS = {
    "${AWS::AccountId}": ACCOUNT,
    "${AWS::Region}": REGION,
    "${AWS::Partition}": "aws",
}


def synthesize(cloud: LocalCloud, settings: Mapping[str, object]) -> Path:
    """Synthesize the app for this machine's interpreter; returns the folder.

    Raises:
        LocalCloudError: It cannot be synthesized; a setting may be wrong.
    """
    folder = cloud.home / "cdk.out"
    try:
        assembly.synthesize(folder, {**local_settings(), **settings}, cloud.environment)
    except assembly.SynthesisError as error:
        message = f"the app cannot be synthesized: {error}"
        raise LocalCloudError(message) from error
    return folder


def local_settings() -> dict[str, str]:
    """Settings with which functions run on this machine's own interpreter."""
    machine = "arm64" if sys.platform == "darwin" else "x86_64"
    return {
        "python_version": f"{sys.version_info.major}.{sys.version_info.minor}",
        "architecture": machine,
    }


def deploy(
    cloud: LocalCloud,
    folder: Path,
    *,
    has_brake: bool = False,
    has_brake_sessions: bool = False,
    has_gateway: bool = False,
    has_webhooks: bool = False,
) -> dict[str, dict[str, str]]:
    """Create all stacks; returns their outputs.

    Args:
        cloud: The emulator.
        folder: The assembly.
        has_brake: True if the brake is on in it.
        has_brake_sessions: True if it may deny single sessions.
        has_gateway: True if the gateway is on in it.
        has_webhooks: True if webhooks are on in it.

    Raises:
        LocalCloudError: A stack cannot be created. The text says why.
    """
    iam, sts = cloud.client("iam"), cloud.client("sts")
    Boundary(
        *(iam, sts, REGION),
        has_brake=has_brake,
        has_brake_sessions=has_brake_sessions,
        has_gateway=has_gateway,
        has_webhooks=has_webhooks,
    ).put()
    if has_brake:
        DenyPolicy(iam, sts, REGION).put()
    s3, ssm = cloud.client("s3"), cloud.client("ssm")
    ssm.put_parameter(Name=_BOOTSTRAP_VERSION, Value="21", Type="String", Overwrite=True)
    return {
        stack: _create(cloud, s3, folder, stack)
        for stack in stack_names.ALL
        if (folder / f"{stack}.template.json").exists()
    }


def find_function(cloud: LocalCloud, stack: str, function: str) -> str:
    """Find the name of a function of a stack, by how its logical id starts."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    (name,) = (
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
        and resource["LogicalResourceId"].startswith(function)
    )
    return str(name)


def start_function(
    cloud: LocalCloud, stack: str, function: str, event: Mapping[str, object]
) -> None:
    """Start a function of a stack and wait for its end, as EventBridge starts it.

    Args:
        cloud: The local cloud.
        stack: The name of the stack.
        function: The start of the function's logical id.
        event: The event.

    Raises:
        LocalCloudError: The function failed.
    """
    name = find_function(cloud, stack, function)
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    if "FunctionError" in answer:
        message = f"{name} failed: {answer['Payload'].read().decode()}"
        raise LocalCloudError(message)


def _create(cloud: LocalCloud, s3: Any, folder: Path, stack: str) -> dict[str, str]:
    files = json.loads((folder / f"{stack}.assets.json").read_text())["files"].values()
    url = ""
    for asset in files:
        (destination,) = asset["destinations"].values()
        bucket, key = _fill_in(destination["bucketName"]), destination["objectKey"]
        _upload(s3, bucket, key, folder / asset["source"]["path"])
        if asset["source"]["path"] == f"{stack}.template.json":
            url = f"{cloud.endpoint}/{bucket}/{key}"
    cloudformation = cloud.client("cloudformation")
    try:
        cloudformation.create_stack(
            StackName=stack, TemplateURL=url, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        return _outputs(cloudformation, stack)
    except ClientError as error:  # a type that it does not know, by name
        message = f"{stack} cannot be deployed locally: {error.response['Error']['Message']}"
        raise LocalCloudError(message) from error
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        reasons = "; ".join(
            f"{event['LogicalResourceId']} ({event['ResourceType']}):"
            f" {event.get('ResourceStatusReason')}"
            for event in failed
        )
        message = f"{stack} was not created: {reasons}"
        raise LocalCloudError(message) from error


def _outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.config.delay = 0.2
    waiter.wait(StackName=stack)
    (created,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = created.get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _upload(s3: Any, bucket: str, key: str, source: Path) -> None:
    if bucket not in {existing["Name"] for existing in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    s3.put_object(
        Bucket=bucket, Key=key, Body=_zip(source) if source.is_dir() else source.read_bytes()
    )


def _zip(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def _fill_in(text: str) -> str:
    for name, value in _PSEUDO_PARAMETERS.items():
        text = text.replace(name, value)
    return text
