"""A deployed gateway for operators' commands: its URL on this machine, its role and its tables."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from tests.aws import create_sorted_table
from tests.budget_store import create_governance_table
from tests.operations.deployed import deploy

LIMITS, FUNCTION = "limits", "BedrockMeter-Gateway"
ROLE = caller_role_name("us-east-1")
OWN_ROLE = "arn:aws:iam::123456789012:role/BedrockMeter-Gateway-GatewayRole"
REFUSAL = (403, {"x-amzn-errortype": "AccessDeniedException"})


class GatewayUrl:
    """A URL that gives one answer.

    Attributes:
        answer: The status and the headers.
        paths: The paths that were asked for.
    """

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str]] = REFUSAL
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.paths.append(self.path)
                status, headers = outer.answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@contextmanager
def open_url() -> Iterator[GatewayUrl]:
    """Serve a URL in a thread."""
    opened = GatewayUrl()
    thread = threading.Thread(target=opened.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield opened
    finally:
        opened.close()
        thread.join()


def deploy_gateway(url: str) -> None:
    """Deploy a gateway that is as it should be, without keys and policies, in moto."""
    create_governance_table()
    create_sorted_table(LIMITS)
    switch_expiry(is_on=True)
    boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=write_trust(OWN_ROLE))
    deploy(stack_names.STORAGE)
    deploy(stack_names.GATEWAY, GatewayUrl=url, GatewayName=FUNCTION)


def switch_expiry(*, is_on: bool, attribute: str = "expires_at") -> None:
    boto3.client("dynamodb").update_time_to_live(
        TableName=LIMITS,
        TimeToLiveSpecification={"Enabled": is_on, "AttributeName": attribute},
    )


def write_trust(*trusted: str) -> str:
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
        for arn in trusted
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
