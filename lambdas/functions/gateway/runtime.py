"""A client of Lambda's Runtime API that streams the answers of an ASGI app.

Lambda's own client for Python cannot stream. This one depends on the standard library alone, and
nothing depends on it: another server of ASGI can take its place.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote, unquote_to_bytes

Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
_VERSION = "/2018-06-01/runtime"
_INTEGRATION_RESPONSE = "application/vnd.awslambda.http-integration-response"
_END_OF_PRELUDE = bytes(8)
_ERROR_TYPE, _ERROR_BODY = (
    "Lambda-Runtime-Function-Error-Type",
    "Lambda-Runtime-Function-Error-Body",
)
_LAST_CHUNK = b"0\r\n"


class RuntimeApiError(Exception):
    """The Runtime API did not answer as documented; the environment cannot go on."""


class Invocation(NamedTuple):
    """A request of a function URL.

    Attributes:
        request_id: The id of the invocation.
        event: The event, payload version 2.0.
    """

    request_id: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuntimeApi:
    """The Runtime API of an execution environment.

    Attributes:
        host: Its host.
        port: Its port.
    """

    host: str
    port: int

    @classmethod
    def at(cls, address: str) -> RuntimeApi:
        """Make a client of an address, as `AWS_LAMBDA_RUNTIME_API` has it."""
        host, _, port = address.partition(":")
        return cls(host, int(port or 80))

    async def get_next(self) -> Invocation:
        """Wait for the next invocation.

        Raises:
            RuntimeApiError: There is no answer, or not the documented one.
        """
        try:
            reader, writer = await self.open("GET", "/invocation/next", ("Content-Length: 0",))
            try:
                status, headers = await read_head(reader)
                body = await reader.readexactly(int(headers["content-length"]))
            finally:
                await close(writer)
            if status != HTTPStatus.OK:
                message = f"status {status}"
                raise RuntimeApiError(message)
            return Invocation(headers["lambda-runtime-aws-request-id"], json.loads(body))
        except (OSError, EOFError, LookupError, ValueError) as error:
            raise RuntimeApiError(type(error).__name__) from error

    async def report_error(self, path: str, error: BaseException) -> None:
        """Report a failed start (`/init/error`), or an invocation without an answer.

        The text of the error is left out: it may quote the request.
        """
        body = _write_error(error)
        lines = (f"Content-Length: {len(body)}", f"{_ERROR_TYPE}: {type(error).__name__}")
        reader, writer = await self.open("POST", path, lines)
        try:
            writer.write(body)
            await writer.drain()
            await read_head(reader)
        finally:
            await close(writer)

    async def open(
        self, method: str, path: str, lines: Iterable[str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and send the head of a request."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        head = (
            f"{method} {_VERSION}{path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            "Connection: close",
            *lines,
        )
        writer.write("".join(f"{line}\r\n" for line in (*head, "")).encode("latin-1"))
        return reader, writer


async def run(
    make_app: Callable[[], AsgiApp], api: RuntimeApi, on_failure: Callable[[Exception], None]
) -> None:
    """Make the app, and answer invocations until the environment ends.

    Args:
        make_app: Makes the app. Lambda learns of its failure at once, and not after a timeout.
        api: The Runtime API.
        on_failure: Notes that an invocation failed.

    Raises:
        RuntimeApiError: The Runtime API did not answer.
        Exception: The app could not be made.
    """
    try:
        app = make_app()
    except Exception as error:
        await api.report_error("/init/error", error)
        raise
    await serve(app, api, on_failure)


async def serve(app: AsgiApp, api: RuntimeApi, on_failure: Callable[[Exception], None]) -> None:
    """Answer invocations, one after the other, until the environment ends.

    What the app does after the last piece of its answer delays the next invocation, and not the
    caller.

    Raises:
        RuntimeApiError: The Runtime API did not answer.
    """
    while True:
        invocation = await api.get_next()
        try:
            await answer(app, api, invocation)
        except Exception as error:  # noqa: BLE001  # the environment serves other callers, too
            on_failure(error)


async def answer(app: AsgiApp, api: RuntimeApi, invocation: Invocation) -> None:
    """Let the app answer an invocation.

    Raises:
        Exception: The app's error, after it was reported.
    """
    response = _StreamedResponse(api, invocation.request_id)
    messages: list[Message] = []

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    try:
        body = read_body(invocation.event)
        messages.append({"type": "http.request", "body": body, "more_body": False})
        await app(make_scope(invocation.event), receive, response.send)
        await response.end()
    except Exception as error:
        await response.fail(error)
        raise
    finally:
        await response.close()


def read_body(event: Mapping[str, Any]) -> bytes:
    """Read the body of an event."""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def make_scope(event: Mapping[str, Any]) -> dict[str, Any]:
    """Make the ASGI scope of an event of a function URL, or of an HTTP API with payload 2.0.

    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    """
    context = event["requestContext"]
    raw_path = event["rawPath"]
    # Encoded already, or decoded: then a `%` can only stand for itself in no id of a model.
    encoded = raw_path if "%" in raw_path else quote(raw_path, safe="/:")
    headers = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in event.get("headers", {}).items()
    ]
    if event.get("cookies"):
        headers.append((b"cookie", "; ".join(event["cookies"]).encode("latin-1", "replace")))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": context["http"]["method"],
        "scheme": "https",
        "path": unquote_to_bytes(encoded).decode("utf-8", "replace"),
        "raw_path": encoded.encode("ascii", "replace"),
        "query_string": event.get("rawQueryString", "").encode("latin-1", "replace"),
        "root_path": "",
        "headers": headers,
        "client": (context["http"].get("sourceIp", ""), 0),
        "server": (context.get("domainName", ""), 443),
    }


@dataclass(slots=True)
class _StreamedResponse:
    """The answer of one invocation, sent in chunks as it is made."""

    api: RuntimeApi
    request_id: str
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _start: Message = field(default_factory=dict)
    _is_ended: bool = False

    async def send(self, message: Message) -> None:
        """Take a message of the app.

        Raises:
            OSError: Lambda takes no more of the answer.
        """
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body" and not self._is_ended:
            await self._write(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(b"")

    async def end(self) -> None:
        """End the answer of an app that did not.

        Raises:
            RuntimeError: The app did not begin an answer.
        """
        if not self._start:
            message = "the app sent no answer"
            raise RuntimeError(message)
        if not self._is_ended:
            await self._write(b"")
            await self._finish(b"")

    async def fail(self, error: Exception) -> None:
        """Report an error, in trailers if the answer has begun. The caller then sees a cut."""
        if self._is_ended:
            return
        if self._writer is None:
            path = f"/invocation/{self.request_id}/error"
            await self.api.report_error(path, error)
            return
        encoded = base64.b64encode(_write_error(error)).decode()
        trailers = f"{_ERROR_TYPE}: {type(error).__name__}\r\n{_ERROR_BODY}: {encoded}\r\n"
        with suppress(OSError):  # Lambda has gone, and knows
            await self._finish(trailers.encode("latin-1"))

    async def _write(self, piece: bytes) -> None:
        """Send a piece; the prelude goes with the first one, also with an empty one."""
        if self._writer is None:
            self._reader, self._writer = await self.api.open(
                "POST",
                f"/invocation/{self.request_id}/response",
                (
                    "Lambda-Runtime-Function-Response-Mode: streaming",
                    f"Content-Type: {_INTEGRATION_RESPONSE}",
                    "Transfer-Encoding: chunked",
                    f"Trailer: {_ERROR_TYPE}, {_ERROR_BODY}",
                ),
            )
            piece = _write_prelude(self._start) + _END_OF_PRELUDE + piece
        if piece:
            self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await self._writer.drain()

    async def _finish(self, trailers: bytes) -> None:
        self._is_ended = True
        if self._writer is None or self._reader is None:
            return
        self._writer.write(_LAST_CHUNK + trailers + b"\r\n")
        await self._writer.drain()
        with suppress(EOFError, ValueError):  # the answer was sent, and Lambda's adds nothing
            await read_head(self._reader)

    async def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            await close(self._writer)


def _write_prelude(start: Message) -> bytes:
    """Write status and headers, each name once, and cookies by themselves."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for raw_name, raw_value in start.get("headers", ()):
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == "set-cookie":
            cookies.append(value)
        elif name != "content-length":  # Lambda frames the answer by itself
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    prelude = {"statusCode": start["status"], "headers": headers, "cookies": cookies}
    return json.dumps(prelude).encode()


def _write_error(error: BaseException) -> bytes:
    name = type(error).__name__
    return json.dumps({"errorType": name, "errorMessage": name}).encode()


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever state it is in."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read the status and the headers of an answer, by lower-case names.

    Raises:
        ValueError: It is no HTTP.
        EOFError: It ended early.
    """
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, status, *_ = lines[0].split(" ")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return int(status), {name.strip().lower(): value.strip() for name, _, value in pairs}
