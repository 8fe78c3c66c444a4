"""The CPU of a gateway's start, as ratios to that of boto3 and a client of DynamoDB.

All are whole processes, by turns. The first ratio has the imports of the function, the second all
that Lambda waits for before the first call: imports, settings, clients of DynamoDB and STS, the
endpoint of Bedrock, the app. The third has the first call in it, too: its key, its policies, its
reservation, the caller's role, the answer, and the metrics that are written after it. All bytecode
exists before, of both sides. On Lambda, that of the meter's code does not, which takes longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from moto import mock_aws

from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.adapters.dynamodb.policy_store import CONTENT, POLICIES_KEY, REVISION
from tests.benchmarks.figure import Figure
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.gateway import KEY, MODEL, REGION, SECRET, FakeBedrock
from tests.limit_table import LimitTable

_ROUNDS, _MS = 9, 1e3
_NO_BYTECODE = {"PYTHONDONTWRITEBYTECODE"}
_POLICIES = {
    "policies": [
        {
            "name": "everyone",
            "partition_by": ["caller"],
            "limits": [{"unit": "quota_tokens", "amount": 2_000_000, "per": "60s"}],
        }
    ]
}
_ROLE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""
_PRINT = "import time; print(time.process_time())"
_BOTO3 = f"import boto3; boto3.client('dynamodb'); {_PRINT}"
# As the script `run` begins, and `start_gateway` goes on.
_IMPORTS = "import gc; gc.disable(); import lambdas.functions.gateway.handler;"
_START = f"{_IMPORTS} app = lambdas.functions.gateway.handler.start_gateway();"
_CALL = f"""
import asyncio
from lambdas.functions.gateway.runtime import make_scope
scope = make_scope({{
    "rawPath": "/model/{MODEL}/converse",
    "requestContext": {{"http": {{"method": "POST"}}}},
    "headers": {{"authorization": "Bearer {SECRET.text}", "content-type": "application/json"}},
}})
body = b'{{"messages": [{{"role": "user", "content": [{{"text": "Hello"}}]}}]}}'
statuses = []
async def receive():
    return {{"type": "http.request", "body": body, "more_body": False}}
async def send(message):
    statuses.append(message.get("status"))
asyncio.run(app(scope, receive, send))
assert statuses[0] == 200, statuses
"""


def figures() -> Iterator[Figure]:
    """Measure the imports, the start, and the start with the first call."""
    programs = (_BOTO3, _IMPORTS + _PRINT, _START + _PRINT, f"{_START}\n{_CALL}\n{_PRINT}")
    with _serve() as environment, TemporaryDirectory() as bytecode:
        cached = {**environment, "PYTHONPYCACHEPREFIX": bytecode}
        for program in programs:  # write the bytecode
            _time(program, cached)
        rounds = [[_time(program, cached) for program in programs] for _ in range(_ROUNDS)]
    boto3_alone, *taken = (min(times) for times in zip(*rounds, strict=True))
    for name, best in zip(("imports", "start", "start_and_first_call"), taken, strict=True):
        yield Figure(
            f"gateway_{name}_over_boto3",
            round(best / boto3_alone, 2),
            "ratio",
            f"CPU, {best * _MS:.0f} ms over {boto3_alone * _MS:.0f} ms; best of {_ROUNDS}",
        )


def _time(program: str, environment: dict[str, str]) -> float:
    inherited = {name: value for name, value in os.environ.items() if name not in _NO_BYTECODE}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**inherited, **environment},
    )
    return float(done.stdout.splitlines()[-1])


@contextmanager
def _serve() -> Iterator[dict[str, str]]:
    """Serve the tables and STS, and give the environment of a gateway over them."""
    items, limits = _make_items(), LimitTable()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            target = self.headers.get("x-amz-target")
            if target is None:
                self._answer(_ROLE.encode())
                return
            request = json.loads(body)
            key = request["Key"]["pk"]["S"], request["Key"]["sk"]["S"]
            answer: Any = {}
            if request["TableName"] == GOVERNANCE:
                answer = {"Item": items[key]} if key in items and target.endswith("GetItem") else {}
            elif target.endswith("GetItem"):
                answer = limits.get_item(**request)
            else:
                answer = limits.update_item(**request)
            self._answer(json.dumps(answer).encode())

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with FakeBedrock().serve() as bedrock:
            yield {
                "AWS_ENDPOINT_URL_DYNAMODB": url,
                "AWS_ENDPOINT_URL_STS": url,
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "GOVERNANCE_TABLE": GOVERNANCE,
                "LIMITS_TABLE": "Limits",
                "CALLER_ROLE_ARN": "arn:aws:iam::123456789012:role/BedrockGatewayCaller",
                "REGION": REGION,
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            }
    finally:
        server.shutdown()
        server.server_close()


def _make_items() -> dict[tuple[str, str], Any]:
    """Make the items of a key and of policies."""
    with mock_aws():
        boto3.setup_default_session(region_name=REGION)
        create_governance_table()
        client = boto3.client("dynamodb")
        DynamoDbApiKeyChanges(client, GOVERNANCE, None).create(KEY)
        found: list[Any] = client.scan(TableName=GOVERNANCE)["Items"]
    content = {CONTENT: {"S": json.dumps(_POLICIES)}, REVISION: {"N": "1"}}
    items = [*found, {**POLICIES_KEY, **content}]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}
