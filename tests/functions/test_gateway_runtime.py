"""The client of the Runtime API streams an ASGI app's answers, against an API that streams."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.functions.gateway.app import log_failure, make_app
from lambdas.functions.gateway.runtime import (
    AsgiApp,
    RuntimeApi,
    RuntimeApiError,
    close,
    make_scope,
    read_body,
    read_head,
    run,
)
from tests.gateway import (
    CONVERSE_EVENTS,
    MODEL,
    SECRET,
    USED,
    FakeBedrock,
    InMemoryAdmission,
    make_relay,
)

END_OF_PRELUDE = bytes(8)
AUTHORIZED = {"authorization": f"Bearer {SECRET.text}", "content-type": "application/json"}


def make_event(
    path: str = f"/model/{MODEL}/converse-stream",
    headers: Mapping[str, str] | None = None,
    body: str = "{}",
    **changes: Any,
) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": AUTHORIZED if headers is None else headers,
        "requestContext": {
            "domainName": "abc.lambda-url.us-east-1.on.aws",
            "http": {"method": "POST", "path": path, "sourceIp": "192.0.2.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    } | changes


@dataclass
class Posted:
    """An answer or an error that the client posted.

    Attributes:
        path: The path behind the version.
        headers: The headers.
        body: The body so far.
        trailers: The trailers; `None` until the body has ended.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    trailers: Mapping[str, str] | None = None

    @property
    def prelude(self) -> Any:
        return json.loads(self.body.partition(END_OF_PRELUDE)[0])

    @property
    def content(self) -> bytes:
        return self.body.partition(END_OF_PRELUDE)[2]


@dataclass
class FakeRuntimeApi:
    """A Runtime API that takes streamed answers.

    Attributes:
        events: The events to deliver.
        posted: What the client posted, in order.
        is_idle: Set once the client asks for more than there is.
        hangs_up_after: The bytes of an answer after which the connection ends.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    hangs_up_after: int | None = None
    port: int = 0

    async def wait_for(self, is_so: Callable[[], bool]) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(is_so), 10)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            await close(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split(" ")[1].removeprefix("/2018-06-01/runtime")
        pairs = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        if path == "/invocation/next":
            if not self.events:
                self.is_idle.set()
                await reader.read()  # until the client has gone
                return
            body = json.dumps(self.events.pop(0)).encode()
            number = len(self.posted) + 1
            writer.write(
                b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-%d\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (number, len(body), body)
            )
            return
        posted = Posted(path, headers)
        self.posted.append(posted)
        if "content-length" in headers:
            posted.body = await reader.readexactly(int(headers["content-length"]))
            posted.trailers = {}
        else:
            await self._read_chunks(reader, posted)
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    async def _read_chunks(self, reader: asyncio.StreamReader, posted: Posted) -> None:
        while size := int(await reader.readline(), 16):
            posted.body += await reader.readexactly(size)
            assert await reader.readline() == b"\r\n"
            async with self.changed:
                self.changed.notify_all()
            if self.hangs_up_after is not None and len(posted.body) > self.hangs_up_after:
                return
        lines = list[str]()
        while line := (await reader.readline()).decode().strip():
            lines.append(line)
        posted.trailers = dict(line.split(": ") for line in lines)


@asynccontextmanager
async def environment(
    api: FakeRuntimeApi, make: Callable[[], AsgiApp], failures: list[Exception] | None = None
) -> Any:
    """An execution environment that answers invocations until the block ends."""
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    api.port = server.sockets[0].getsockname()[1]
    on_failure = ([] if failures is None else failures).append
    task = asyncio.create_task(run(make, RuntimeApi.at(f"127.0.0.1:{api.port}"), on_failure))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        await server.wait_closed()


def answer_all(app: AsgiApp, *events: dict[str, Any], **changes: Any) -> list[Posted]:
    """Let an app answer events, and return what was posted."""

    async def scenario() -> list[Posted]:
        api = FakeRuntimeApi(list(events), **changes)
        async with environment(api, lambda: app):
            await asyncio.wait_for(api.is_idle.wait(), 10)
        return api.posted

    return asyncio.run(scenario())


def make_asgi(*messages: dict[str, Any], error: Exception | None = None) -> AsgiApp:
    """An app that sends messages, and then may fail."""

    async def app(
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app


START = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"1")]}
PIECE = {"type": "http.response.body", "body": b"piece", "more_body": True}
END = {"type": "http.response.body", "body": b"", "more_body": False}


def test_an_answer_is_streamed_with_a_prelude() -> None:
    (posted,) = answer_all(make_asgi(START, PIECE, END), make_event())
    assert posted.path == "/invocation/id-1/response"
    assert posted.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert posted.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert posted.prelude == {"statusCode": 200, "headers": {"a": "1"}, "cookies": []}
    assert posted.content == b"piece"
    assert posted.trailers == {}


def test_a_piece_is_sent_before_the_next_one_is_made() -> None:
    async def scenario() -> None:
        api = FakeRuntimeApi([make_event()])

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send(PIECE)
            await api.wait_for(lambda: [each.content for each in api.posted] == [b"piece"])
            await send(END)

        async with environment(api, lambda: app):
            await asyncio.wait_for(api.is_idle.wait(), 10)
        assert api.posted[0].trailers == {}

    asyncio.run(scenario())


def test_an_empty_answer_has_its_prelude() -> None:
    (posted,) = answer_all(make_asgi(START, END), make_event())
    assert posted.prelude["statusCode"] == 200
    assert (posted.content, posted.trailers) == (b"", {})


def test_an_answer_that_the_app_does_not_end_is_ended() -> None:
    first, second = answer_all(make_asgi(START, PIECE), make_event(), make_event())
    assert (first.content, first.trailers) == (second.content, second.trailers) == (b"piece", {})


def test_cookies_and_repeated_headers_fit_the_prelude() -> None:
    headers = [(b"a", b"1"), (b"a", b"2"), (b"set-cookie", b"c=1"), (b"set-cookie", b"d=2")]
    headers.append((b"content-length", b"0"))
    (posted,) = answer_all(make_asgi(START | {"headers": headers}, END), make_event())
    assert posted.prelude["headers"] == {"a": "1, 2"}
    assert posted.prelude["cookies"] == ["c=1", "d=2"]


def test_an_error_within_an_answer_is_in_the_trailers_without_its_text() -> None:
    failing = make_asgi(START, PIECE, error=ValueError("XyzzyPrompt"))
    first, second = answer_all(failing, make_event(), make_event())
    assert first.trailers is not None
    assert first.trailers["Lambda-Runtime-Function-Error-Type"] == "ValueError"
    error = json.loads(base64.b64decode(first.trailers["Lambda-Runtime-Function-Error-Body"]))
    assert error == {"errorType": "ValueError", "errorMessage": "ValueError"}
    assert second.content == b"piece"


@pytest.mark.parametrize("event", [[], "x", {"body": "a", "isBase64Encoded": True}])
def test_an_event_that_cannot_be_read_is_reported(event: Any) -> None:
    first, second = answer_all(make_asgi(START, PIECE), event, make_event())
    assert first.path == "/invocation/id-1/error"
    assert second.path == "/invocation/id-2/response"


@pytest.mark.parametrize("error", [ValueError("XyzzyPrompt"), None])
def test_an_invocation_without_an_answer_is_reported(error: Exception | None) -> None:
    first, second = answer_all(make_asgi(error=error), make_event(), make_event())
    assert [first.path, second.path] == ["/invocation/id-1/error", "/invocation/id-2/error"]
    assert json.loads(first.body)["errorType"] == ("ValueError" if error else "RuntimeError")
    assert b"Xyzzy" not in first.body


@pytest.mark.parametrize(
    "event", [[], "x", {"body": 1}, {"body": "a", "isBase64Encoded": True}, {"body": ["a"]}]
)
def test_an_event_that_is_no_request_is_reported(event: Any) -> None:
    first, second = answer_all(make_asgi(START, END), event, make_event())
    assert [first.path, second.path] == ["/invocation/id-1/error", "/invocation/id-2/response"]


def test_an_error_after_the_answer_is_noted_and_not_posted() -> None:
    async def scenario() -> None:
        failures = list[Exception]()
        api = FakeRuntimeApi([make_event()])
        app = make_asgi(START, END, error=ValueError())
        async with environment(api, lambda: app, failures):
            await asyncio.wait_for(api.is_idle.wait(), 10)
        assert [posted.trailers for posted in api.posted] == [{}]
        assert [type(error) for error in failures] == [ValueError]

    asyncio.run(scenario())


def test_a_failed_start_is_reported_at_once() -> None:
    async def scenario() -> None:
        def fail() -> AsgiApp:
            raise LookupError

        api = FakeRuntimeApi()
        async with environment(api, fail) as task:
            with pytest.raises(LookupError):
                await asyncio.wait_for(task, 10)
        assert [posted.path for posted in api.posted] == ["/init/error"]

    asyncio.run(scenario())


def test_work_after_the_answer_delays_the_next_invocation_and_not_the_caller() -> None:
    async def scenario() -> None:
        api = FakeRuntimeApi([make_event(), make_event()])
        settled = list[int]()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in (START, PIECE, END):
                await send(message)
            settled.append(len([posted for posted in api.posted if posted.trailers == {}]))

        async with environment(api, lambda: app):
            await asyncio.wait_for(api.is_idle.wait(), 10)
        assert settled == [1, 2]

    asyncio.run(scenario())


def test_the_gateway_streams_a_call_and_settles_it(caplog: pytest.LogCaptureFixture) -> None:
    admission = InMemoryAdmission()
    with FakeBedrock().serve() as bedrock:
        app: Any = make_app(make_relay(bedrock, admission))
        (posted,) = answer_all(app, make_event())
    assert posted.prelude["statusCode"] == 200
    assert posted.prelude["headers"]["content-type"] == "application/vnd.amazon.eventstream"
    assert posted.content == b"".join(CONVERSE_EVENTS)
    assert admission.settled == {"r-1": USED}


def test_the_gateway_reads_on_and_settles_when_lambda_takes_no_more() -> None:
    admission = InMemoryAdmission()
    with FakeBedrock().serve() as bedrock:
        # Larger than all buffers, so that writing fails long before the end.
        filler = CONVERSE_EVENTS[1] * 2_000
        bedrock.bodies["converse-stream"] = (*[filler] * 25, *CONVERSE_EVENTS)
        app: Any = make_app(make_relay(bedrock, admission))
        posted, _ = answer_all(app, make_event(), make_event(), hangs_up_after=100)
    assert posted.trailers is None
    assert admission.settled == {"r-1": USED, "r-2": USED}


def test_failures_are_logged_by_type_and_place_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    log_failure(ValueError("XyzzyPrompt" * 2))
    (record,) = caplog.records
    assert "ValueError" in str(record.__dict__)
    assert "XyzzyPromptXyzzyPrompt" not in str(record.__dict__)


@pytest.mark.parametrize(
    ("raw_path", "path", "encoded"),
    [
        ("/model/a%3A0/converse", "/model/a:0/converse", b"/model/a%3A0/converse"),
        ("/model/a:0/converse", "/model/a:0/converse", b"/model/a:0/converse"),
        ("/model/\u00e9/converse", "/model/\u00e9/converse", b"/model/%C3%A9/converse"),
        ("/model/%ff/x", "/model/\ufffd/x", b"/model/%ff/x"),
    ],
)
def test_paths_are_read_whether_lambda_decoded_them_or_not(
    raw_path: str, path: str, encoded: bytes
) -> None:
    scope = make_scope(make_event(raw_path))
    assert (scope["path"], scope["raw_path"]) == (path, encoded)


def test_an_event_becomes_a_scope() -> None:
    event = make_event(
        headers={"Content-Type": "a", "X-Odd": "\u4e2d"},
        rawQueryString="a=1",
        cookies=["c=1", "d=2"],
    )
    scope = make_scope(event)
    assert scope["headers"] == [
        (b"content-type", b"a"),
        (b"x-odd", b"?"),
        (b"cookie", b"c=1; d=2"),
    ]
    assert scope["query_string"] == b"a=1"
    assert scope["client"] == ("192.0.2.1", 0)


@given(st.binary())
def test_bodies_of_any_bytes_are_read(body: bytes) -> None:
    encoded = base64.b64encode(body).decode()
    assert read_body({"body": encoded, "isBase64Encoded": True}) == body


def test_an_event_without_a_body_has_an_empty_one() -> None:
    assert read_body({}) == read_body({"body": None}) == b""
    assert read_body({"body": "\u00e9"}) == "\u00e9".encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nContent-Length: 1\r\n\r\n{",
    ],
)
def test_an_undocumented_answer_ends_the_environment(answer: bytes) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head_of_request(reader)
            writer.write(answer)
            await close(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RuntimeApiError):
            await RuntimeApi("127.0.0.1", port).get_next()
        server.close()
        await server.wait_closed()
        with pytest.raises(RuntimeApiError):
            await RuntimeApi("127.0.0.1", port).get_next()

    asyncio.run(scenario())


async def read_head_of_request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")


def test_the_address_may_have_no_port() -> None:
    assert RuntimeApi.at("127.0.0.1") == RuntimeApi("127.0.0.1", 80)


def test_a_head_is_read_by_lower_case_names() -> None:
    async def read() -> tuple[int, dict[str, str]]:
        reader = asyncio.StreamReader()
        reader.feed_data(b"HTTP/1.1 202 Accepted\r\nA-b:  c \r\n\r\n")
        return await read_head(reader)

    assert asyncio.run(read()) == (202, {"a-b": "c"})
