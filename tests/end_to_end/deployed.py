"""A deployment in the local cloud, made and used with the operators' own commands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud
from cdk.local_cloud.deployment import find_function, local_settings
from cdk.operations.deployment import Deployment
from lambdas.domain.metrics.catalog import HEALTH_NAMESPACE, NAMESPACE
from tests.invocation_logs import log
from tests.local_cloud.functions import put_logs
from tests.local_cloud.metrics import sum_metric
from tests.local_cloud.waiting import wait_for


def make(
    cloud: LocalCloud, target: str, *variables: str, typed: str = "", is_ok: bool = True
) -> str:
    """Run a target of the Makefile against the local cloud; returns what it prints."""
    process = subprocess.run(
        ["make", "-s", target, *variables],  # noqa: S607  # the one that runs us
        env=dict(cloud.environment),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = process.stdout + process.stderr
    assert (process.returncode == 0) is is_ok, printed[-3000:]
    return printed


def context(**changes: object) -> str:
    """`SET=...` for make, with settings and what the local cloud needs."""
    values = {**local_settings(), **changes}
    options = (
        f"-c {name}='{value if isinstance(value, str) else json.dumps(value)}'"
        for name, value in values.items()
    )
    return f"SET={' '.join(options)}"


def settings(**changes: object) -> str:
    """`SET=...` for `make deploy`, which asks nothing."""
    return f"{context(**changes)} --require-approval never"


def bootstrap(cloud: LocalCloud, **changes: str) -> None:
    """Bootstrap with the settings of the permissions boundary."""
    context = "".join(f" -c {name}={value}" for name, value in changes.items())
    make(cloud, "bootstrap", f"SET=aws://{ACCOUNT}/{REGION}{context}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment for tests, which write logs and look at the results.

    Attributes:
        cloud: The local cloud.
        context: The settings that it was made with, as `context` returns them.
    """

    cloud: LocalCloud
    context: str = "SET="

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.cloud.client("cloudformation"))

    @property
    def log_group(self) -> str:
        return self.deployment.metered_log_group

    @property
    def topic(self) -> str:
        return self.deployment.output(stack_names.MONITORING, "TopicArn")

    def bucket(self, output: str) -> str:
        return self.deployment.output(stack_names.STORAGE, output)

    def function_name(self, function: str, *, stack: str = stack_names.MONITORING) -> str:
        """The name of a function of a stack, by how its logical id starts."""
        return find_function(self.cloud, stack, function)

    def start(
        self, function: str, event: Mapping[str, Any], *, stack: str = stack_names.MONITORING
    ) -> None:
        """Start a function of a stack, as EventBridge does."""
        name = self.function_name(function, stack=stack)
        answer = self.cloud.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def log_calls(self, *messages: str) -> None:
        """Write messages to the log group, as Bedrock does."""
        now = int(datetime.now(UTC).timestamp() * 1000)
        put_logs(self.cloud, self.log_group, *messages, timestamp=now)

    def ledger(self, identity: str) -> list[Mapping[str, Any]]:
        """The calls of an identity in the ledger."""
        pages = (
            self.cloud.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.bucket("LedgerTableName"))
        )
        items = (item for page in pages for item in page["Items"])
        return [item for item in items if item.get("identity_arn", {}).get("S") == identity]

    def metric(self, name: str, **dimensions: str) -> float | None:
        """The sum of a metric over all of its data in CloudWatch; `None` for no data."""
        return sum_metric(self.cloud, NAMESPACE, name, **dimensions)

    def health(self, name: str) -> float:
        """The sum of a metric of the meter's health; 0 for no data."""
        return sum_metric(self.cloud, HEALTH_NAMESPACE, name) or 0

    def tokens(self, identity: str) -> float | None:
        """The published total of an identity's tokens."""
        return self.metric("TotalTokens", IdentityArn=identity)

    def wait_for_tokens(self, identity: str, expected: float) -> None:
        """Wait until this number is published; a higher one fails at once."""

        def look() -> bool:
            found = self.tokens(identity) or 0
            assert found <= expected, f"{identity}: {found} of {expected}"
            return found == expected

        wait_for(look)

    def settle(self) -> None:
        """Wait until all earlier logs are processed, by logging a call and waiting for it."""
        marker = user(f"marker-{datetime.now(UTC).timestamp()}")
        self.log_calls(*calls(marker, 1))
        self.wait_for_tokens(marker, 15)


def user(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def calls(identity: str, count: int, **changes: Any) -> Iterable[str]:
    """Calls of 15 tokens each, made just now."""
    now = datetime.now(UTC).isoformat()
    for number in range(count):
        request_id = f"{identity}-{number}-{now}"
        record = log(request_id, timestamp=now, identity={"arn": identity}, accountId=ACCOUNT)
        yield json.dumps(record | changes)
