"""Functions with a script in front of them stream their answers through their URLs.

MiniStack starts no `AWS_LAMBDA_EXEC_WRAPPER`, and assembles a streamed answer before it sends it.
Here the script runs as on Lambda, against a Runtime API that relays the bytes as they come.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from ministack.core.responses import StreamingResponse
from ministack.services import lambda_svc

_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
_TASK_ROOT = "/var/task"
_BOOTSTRAP = "/var/runtime/bootstrap.py"  # what Lambda would start with its interpreter
_END_OF_PRELUDE = bytes(8)
_MAX_LINE = 1 << 24  # of an event, or of a log
_ERROR_TYPE = "lambda-runtime-function-error-type"
_FAILED = (
    502,
    {"Content-Type": "application/json"},
    b'{"Message":"Internal Server Error"}',
)
_THROTTLED = (
    429,
    {"Content-Type": "application/json"},
    b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Message":"Rate Exceeded."}',
)


class _FunctionError(Exception):
    """The function reported an error, or ended."""


@dataclass
class _Invocation:
    """An event that an environment works on, and its answer: pieces, an error, or the end."""

    event: bytes
    id: str = field(default_factory=lambda: str(uuid4()))
    started: float = field(default_factory=time.time)
    answer: asyncio.Queue[bytes | _FunctionError | None] = field(default_factory=asyncio.Queue)
    is_done: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_pieces(self) -> AsyncIterator[bytes]:
        """Read the answer.

        Raises:
            _FunctionError: It ends early.
        """
        while (piece := await self.answer.get()) is not None:
            if isinstance(piece, _FunctionError):
                raise piece
            yield piece


class _Environment:
    """A process of a function, its Runtime API, and the invocation that it works on."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self._folder = Path(tempfile.mkdtemp(prefix="environment-"))
        self._waiting: asyncio.Queue[_Invocation] = asyncio.Queue()
        self._current: _Invocation | None = None
        self._log: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Unpack code and layers, and start the script as Lambda does."""
        config, code = self.record["config"], self._folder / "code"
        _unpack(self.record["code_zip"], code)
        layers = []
        for number, layer in enumerate(config.get("Layers", ())):
            layers.append(self._folder / f"layer-{number}")
            _unpack(lambda_svc._resolve_layer_zip(layer), layers[-1])
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_LINE)
        port = server.sockets[0].getsockname()[1]
        environ = lambda_svc._provided_worker_env(config, str(code), port)
        environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
            "PYTHONPATH": os.pathsep.join(str(layer / "python") for layer in layers),
        }
        self._process = await asyncio.create_subprocess_exec(
            environ[_WRAPPER].replace(_TASK_ROOT, str(code), 1),
            *(sys.executable, _BOOTSTRAP),
            cwd=code,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_MAX_LINE,
        )
        self._tasks = [asyncio.create_task(self._read_log(server))]

    @property
    def is_running(self) -> bool:
        """True if its process has not ended."""
        return self._process.returncode is None

    async def take(self, invocation: _Invocation) -> None:
        """Give it an invocation."""
        await self._waiting.put(invocation)

    async def _read_log(self, server: asyncio.Server) -> None:
        """Collect what the process prints, and clean up after its end."""
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        async for line in self._process.stdout:
            self._log.append(line.decode(errors="replace").rstrip("\n"))
        await self._process.wait()
        server.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        for invocation in (self._current, *self._list_waiting()):
            if invocation is not None:
                self._finish(invocation, _FunctionError("Runtime.ExitError"))

    def _list_waiting(self) -> list[_Invocation]:
        return [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of the process."""
        try:
            method, path, headers = await _read_head(reader)
            if method == "GET":
                self._end_current()
                invocation = self._current = await self._waiting.get()
                head = f"200 OK\r\nLambda-Runtime-Aws-Request-Id: {invocation.id}"
                body = invocation.event
            else:
                await self._take_answer(path, headers, reader)
                head, body = "202 Accepted", b""
            writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        except (OSError, EOFError):
            pass  # the process ended
        finally:
            writer.close()

    async def _take_answer(
        self, path: str, headers: dict[str, str], reader: asyncio.StreamReader
    ) -> None:
        current = self._current
        if not path.endswith("/response"):
            error = await reader.readexactly(int(headers["content-length"]))
            self._log.append(error.decode())
            if current is not None:
                current.answer.put_nowait(_FunctionError(headers[_ERROR_TYPE]))
            return
        assert current is not None  # noqa: S101  # who answers has asked before
        while size := int(await reader.readline(), 16):
            current.answer.put_nowait(await reader.readexactly(size))
            await reader.readline()
        trailers = await _read_fields(reader)
        failure = trailers.get(_ERROR_TYPE)
        current.answer.put_nowait(_FunctionError(failure) if failure else None)

    def _end_current(self) -> None:
        """End the invocation that the process has finished."""
        if self._current is not None:
            self._finish(self._current, None)

    def _finish(self, invocation: _Invocation, error: _FunctionError | None) -> None:
        if error is not None:
            invocation.answer.put_nowait(error)
        milliseconds = int((time.time() - invocation.started) * 1000)
        lines, self._log[:] = "\n".join(self._log), []
        lambda_svc._run_with_function_config_scope(
            self.record,
            lambda_svc._emit_lambda_logs,
            *(self.record, invocation.id, lines, error is not None, milliseconds),
        )
        self._current = None
        invocation.is_done.set()


_idle: dict[str, list[_Environment]] = {}
_running: set[asyncio.Task[None]] = set()


def install() -> None:
    """Add it."""
    answer = lambda_svc.handle_function_url_request

    async def answer_or_stream(  # noqa: PLR0917  # as MiniStack calls it
        url_id: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        resolved: Any = None,
        source_ip: str | None = None,
    ) -> Any:
        record = _find_wrapped(resolved or lambda_svc.resolve_function_url(url_id))
        if record is None:
            return await answer(url_id, method, path, headers, body, query, resolved, source_ip)
        event = lambda_svc._build_function_url_event(
            *(url_id, "anonymous", os.environ["MINISTACK_REGION"]),
            *(method, path, headers, body, query),
            anonymous=True,
        )
        return await _invoke(record, json.dumps(event).encode())

    lambda_svc.handle_function_url_request = answer_or_stream


def _find_wrapped(resolved: Any) -> dict[str, Any] | None:
    """Find the function of a URL, if it has a script and streams."""
    if resolved is None:
        return None
    account, region, name, qualifier, url = resolved
    reference = f"{name}:{qualifier}" if qualifier else name
    function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        reference, account_id=account, region=region
    )
    variables = ((config or {}).get("Environment") or {}).get("Variables") or {}
    if url.get("InvokeMode") != "RESPONSE_STREAM" or _WRAPPER not in variables:
        return None
    record: dict[str, Any] = lambda_svc._execution_record_for_config(function, config)
    return record


async def _invoke(record: dict[str, Any], event: bytes) -> Any:
    """Let a function answer, and return as soon as status and headers are there."""
    config = record["config"]
    slot, _ = lambda_svc._acquire_execution_slot(record, config)
    if slot is None:
        lambda_svc._emit_lambda_metrics(config["FunctionName"], 0.0, error=False, throttle=True)
        return _THROTTLED
    invocation = _Invocation(event)
    task = asyncio.create_task(_work(record, invocation, slot))
    _running.add(task)  # the event loop itself keeps no task alive
    task.add_done_callback(_running.discard)
    pieces = invocation.read_pieces()
    read = b""
    try:
        while _END_OF_PRELUDE not in read:
            read += await anext(pieces)
    except (_FunctionError, StopAsyncIteration):
        return _FAILED
    prelude, _, first = read.partition(_END_OF_PRELUDE)
    start = json.loads(prelude)

    async def send_pieces(send: Any, _receive: Any) -> None:
        message = {"type": "http.response.body", "more_body": True}
        await send({**message, "body": first})
        try:
            async for piece in pieces:
                await send({**message, "body": piece})
        except _FunctionError:
            return  # without an end, so that the caller sees a cut
        await send({**message, "body": b"", "more_body": False})

    headers = {"Content-Type": "application/octet-stream", "x-amzn-RequestId": invocation.id}
    lambda_svc._apply_headers_case_insensitively(headers, start["headers"])
    return start["statusCode"], headers, StreamingResponse(send_pieces)


async def _work(record: dict[str, Any], invocation: _Invocation, slot: Any) -> None:
    """Let an environment work on an invocation: an idle one, or a new one."""
    config = record["config"]
    key = f"{config['FunctionArn']} {config.get('RevisionId')}"
    idle = _idle.setdefault(key, [])
    try:
        idle[:] = [environment for environment in idle if environment.is_running]
        environment = idle.pop() if idle else None
        if environment is None:
            environment = _Environment(record)
            await environment.start()
        await environment.take(invocation)
        await invocation.is_done.wait()
        if environment.is_running:
            idle.append(environment)
    except OSError as error:
        invocation.answer.put_nowait(_FunctionError(str(error)))
        raise
    finally:
        lambda_svc._release_execution_slot(slot)


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    method, path, _ = (await reader.readuntil(b"\r\n")).decode().split(" ")
    return method, path, await _read_fields(reader)


async def _read_fields(reader: asyncio.StreamReader) -> dict[str, str]:
    """Read headers or trailers up to the empty line, by lower-case names."""
    fields = {}
    while line := (await reader.readuntil(b"\r\n")).decode("latin-1").strip():
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return fields


def _unpack(archive: bytes, folder: Path) -> None:
    """Unpack an archive with the modes of its files."""
    folder.mkdir()
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        lambda_svc._extract_zip_preserving_mode(opened, str(folder))
