"""Functions with a script in front of them stream through their URLs, as on Lambda."""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import ProtocolError

from cdk.local_cloud.cloud import LocalCloud
from cdk.local_cloud.deployment import local_settings
from lambdas.functions.gateway import runtime
from tests.local_cloud.callers import TRUST
from tests.local_cloud.waiting import wait_for

Post: TypeAlias = Callable[..., BaseHTTPResponse]
NAME = "streaming"
WAITS = ("waits-1", "waits-2")
SCRIPT = '#!/bin/sh\nexport PYTHONPATH="$LAMBDA_TASK_ROOT"\nexec "$1" -u -m app\n'
# Sends a piece, waits until the test opens the pipe, and sends another one.
APP = """
import asyncio, os
from runtime import RuntimeApi, run

async def app(scope, receive, send):
    headers = [(b"content-type", b"application/x-binary")]
    request = await receive()
    print("works on", scope["path"])
    if scope["path"] == "/fails":
        raise ValueError("secret")
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    first = bytes(range(256)) + request["body"] + b" %d" % os.getpid()
    await send({"type": "http.response.body", "body": first, "more_body": True})
    if scope["path"].startswith("/waits"):
        open(os.environ["PIPES"] + scope["path"]).read()
    if scope["path"] == "/breaks":
        raise ValueError("secret")
    await send({"type": "http.response.body", "body": b"\\xff last"})

api = RuntimeApi.at(os.environ["AWS_LAMBDA_RUNTIME_API"])
asyncio.run(run(lambda: app, api, lambda error: print("failed", type(error).__name__)))
"""


@pytest.fixture(scope="module")
def pipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pipes that calls wait for."""
    folder = tmp_path_factory.mktemp("pipes")
    for name in WAITS:
        os.mkfifo(folder / name)
    return folder


@pytest.fixture(scope="module")
def url(cloud: LocalCloud, pipes: Path) -> Iterator[str]:
    """The path of the URL of a function that may run twice at a time."""
    client = cloud.client("lambda")
    role = cloud.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST)
    client.create_function(
        FunctionName=NAME,
        Runtime=f"python{local_settings()['python_version']}",
        Role=role["Role"]["Arn"],
        Handler="app.app",
        Code={"ZipFile": pack()},
        Environment={
            "Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/run", "PIPES": str(pipes)}
        },
    )
    client.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=2)
    made = client.create_function_url_config(
        FunctionName=NAME, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )
    yield f"/_aws/lambda-url/{made['FunctionUrl'].removeprefix('https://').split('.')[0]}"
    client.delete_function(FunctionName=NAME)


def pack() -> bytes:
    """An archive of the function, in which the script can be run."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        script = zipfile.ZipInfo("run")
        script.external_attr = 0o755 << 16
        archive.writestr(script, SCRIPT)
        archive.writestr("app.py", APP)
        archive.write(str(runtime.__file__), "runtime.py")
    return content.getvalue()


@pytest.fixture(scope="module")
def http() -> Iterator[PoolManager]:
    with PoolManager(maxsize=4) as http:
        yield http


@pytest.fixture
def post(cloud: LocalCloud, url: str, http: PoolManager) -> Post:
    """Calls the function at a path, and returns as soon as the headers are there."""

    def post(path: str, body: bytes = b"") -> BaseHTTPResponse:
        return http.request(
            "POST",
            f"{cloud.endpoint}{url}/{path}",
            body=body,
            headers={"Authorization": "Bearer some-key"},
            preload_content=False,
        )

    return post


def read_lines(cloud: LocalCloud) -> list[str]:
    events: list[Any] = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{NAME}")[
        "events"
    ]
    return [event["message"] for event in events]


def test_pieces_arrive_as_they_are_made(post: Post, pipes: Path) -> None:
    answer = post("waits-1", b"\x00\xfe")
    first = answer.read1()
    assert first.startswith(bytes(range(256)) + b"\x00\xfe")
    assert b"last" not in first
    (pipes / "waits-1").write_text("go on")
    assert answer.read() == b"\xff last"
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/x-binary"


def test_an_environment_works_on_one_call_after_the_other(cloud: LocalCloud, post: Post) -> None:
    first = post("a").read()
    wait_for(lambda: "works on /a" in read_lines(cloud))
    assert post("b").read() == first


def test_what_it_prints_is_in_the_log_with_the_id_of_the_call(
    cloud: LocalCloud, post: Post
) -> None:
    answer = post("logged")
    answer.read()
    wait_for(lambda: "works on /logged" in read_lines(cloud))
    lines = read_lines(cloud)
    place = lines.index("works on /logged")
    assert lines[place - 1].startswith(f"START RequestId: {answer.headers['x-amzn-RequestId']} ")


def test_a_call_that_fails_is_a_bad_gateway_without_its_text(cloud: LocalCloud, post: Post) -> None:
    answer = post("fails")
    assert (answer.status, json.loads(answer.read())) == (502, {"Message": "Internal Server Error"})
    wait_for(lambda: "failed ValueError" in read_lines(cloud))
    assert "secret" not in "".join(read_lines(cloud))


def test_a_stream_that_fails_is_cut(post: Post) -> None:
    answer = post("breaks")
    assert answer.status == 201
    with pytest.raises(ProtocolError):
        answer.read()


def test_more_calls_than_are_reserved_are_refused(post: Post, pipes: Path) -> None:
    waiting = [post(name) for name in WAITS]
    pids = {answer.read1() for answer in waiting}
    assert len(pids) == 2
    refused = post("a")
    assert refused.status == 429
    assert "ReservedFunctionConcurrent" in json.loads(refused.read())["Reason"]
    for name, answer in zip(WAITS, waiting, strict=True):
        (pipes / name).write_text("go on")
        assert answer.read() == b"\xff last"
