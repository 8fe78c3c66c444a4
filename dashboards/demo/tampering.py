"""Someone switches Bedrock's invocation logging off, and the meter notices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud
from cdk.local_cloud.deployment import start_function

_WHO = f"arn:aws:iam::{ACCOUNT}:user/contractor"
_ACTION = "DeleteModelInvocationLoggingConfiguration"


def switch_logging_off(cloud: LocalCloud) -> None:
    """Switch logging off, let the meter publish a notice of it, and restore logging.

    The local cloud has no CloudTrail: this starts `logging_watcher` on schedule and with
    CloudTrail's event, as EventBridge does.

    Raises:
        LocalCloudError: The function failed.
    """
    bedrock = cloud.client("bedrock")
    deployed = bedrock.get_model_invocation_logging_configuration()["loggingConfig"]
    _start(cloud, "Scheduled Event", {})
    bedrock.delete_model_invocation_logging_configuration()
    try:
        _start(cloud, "AWS API Call via CloudTrail", _trail_record())
    finally:
        bedrock.put_model_invocation_logging_configuration(loggingConfig=deployed)


def _start(cloud: LocalCloud, kind: str, detail: dict[str, Any]) -> None:
    event = {"detail-type": kind, "time": _now(), "detail": detail}
    start_function(cloud, stack_names.MONITORING, "LoggingWatcher", event)


def _trail_record() -> dict[str, Any]:
    """Make an event of CloudTrail.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    return {
        "eventID": "1b2c3d4e-0000-4000-8000-000000000001",
        "eventTime": _now(),
        "eventSource": "bedrock.amazonaws.com",
        "eventName": _ACTION,
        "awsRegion": REGION,
        "userIdentity": {"type": "IAMUser", "arn": _WHO, "accountId": ACCOUNT},
        "requestParameters": None,
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
