"""The gateway as an ASGI app: HTTP in, HTTP out, whatever server runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from traceback import format_tb
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.domain.api_keys import ApiKey, Scope
from lambdas.domain.bedrock_calls import (
    INTERNAL_ERROR,
    LIMITS_UNAVAILABLE,
    MAX_REQUEST_BYTES,
    TOO_LARGE,
    UNKNOWN_KEY,
    UNKNOWN_OPERATION,
    InvalidRequestError,
    Refusal,
    RunningCall,
    refuse_invalid,
)
from lambdas.functions.gateway.limit_documents import (
    read_check_request,
    write_check,
    write_limits,
)
from lambdas.functions.gateway.piece_pump import pump
from lambdas.logs import logger
from lambdas.services.limit_calls import LimitAnswer, LimitView
from lambdas.services.relay_call import CallRelay, GatewayAnswer, GatewayRequest

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Send
    from starlette.types import Scope as Connection


_Headers: TypeAlias = list[tuple[str, str]]
_Authenticate: TypeAlias = Callable[[_Headers, Scope], Awaitable[ApiKey | Refusal]]


def make_app(
    relay: CallRelay,
    limits: LimitView | None = None,
    on_unknown_key: Callable[[], None] = lambda: None,
) -> Starlette:
    """Make the app.

    Args:
        relay: Authenticates and relays calls.
        limits: Shows callers their limits; `None` where there are no limits.
        on_unknown_key: Notes a request without a valid key.
    """

    async def authenticate(headers: _Headers, scope: Scope) -> ApiKey | Refusal:
        key = await run_in_threadpool(relay.authenticate, headers, scope)
        if key is UNKNOWN_KEY:
            on_unknown_key()
        return key

    async def relay_call(request: Request) -> _Answer:
        headers = _read_headers(request)
        call = request.state.call = relay.begin(headers)
        key = await authenticate(headers, Scope.BEDROCK)
        if isinstance(key, Refusal):
            return _Answer(relay.refuse_call(call, key))
        call.key = key
        body = await _read_body(request)
        if body is None:
            return _Answer(relay.refuse_call(call, TOO_LARGE))
        raw_path = request.scope["raw_path"].decode("latin-1")
        asked = GatewayRequest(key, raw_path, headers, body, call)
        return _Answer(await run_in_threadpool(relay.relay, asked))

    async def refuse_path(request: Request, _error: Exception) -> _Answer:
        key = await authenticate(_read_headers(request), Scope.BEDROCK)  # counts unknown ones
        return _Answer(relay.refuse(UNKNOWN_KEY if key is UNKNOWN_KEY else UNKNOWN_OPERATION))

    def refuse(request: Request, refusal: Refusal) -> _Answer:
        call: RunningCall | None = getattr(request.state, "call", None)
        return _Answer(relay.refuse(refusal) if call is None else relay.refuse_call(call, refusal))

    async def drop(request: Request, _error: Exception) -> _Answer:
        return refuse(request, refuse_invalid("The request ended early"))

    async def report_failure(request: Request, error: Exception) -> _Answer:
        log_failure(error)
        return refuse(request, INTERNAL_ERROR)

    app = Starlette(
        routes=[
            Route("/model/{rest:path}", relay_call, methods=["POST"]),
            *([] if limits is None else _make_limit_routes(relay, limits, authenticate)),
        ],
        exception_handlers={
            404: refuse_path,
            405: refuse_path,
            ClientDisconnect: drop,
            Exception: report_failure,
        },
    )
    app.router.redirect_slashes = False  # callers choose the host of a redirect
    return app


def _make_limit_routes(
    relay: CallRelay, view: LimitView, authenticate: _Authenticate
) -> list[Route]:
    """Make the routes that show limits. They count nothing."""

    async def show(request: Request) -> _Answer:
        key = await authenticate(_read_headers(request), Scope.LIMITS)
        if isinstance(key, Refusal):
            return _Answer(relay.refuse(key))
        answer = await run_in_threadpool(view.show, key, relay.clock())
        if answer.refusal is not None:
            return _Answer(relay.refuse(answer.refusal))
        return _Answer(_answer_json(relay, answer, write_limits(key, answer)))

    async def check(request: Request) -> _Answer:
        key = await authenticate(_read_headers(request), Scope.LIMITS)
        if isinstance(key, Refusal):
            return _Answer(relay.refuse(key))
        body = await _read_body(request)
        if body is None:
            return _Answer(relay.refuse(TOO_LARGE))
        try:
            asked = read_check_request(body)
        except InvalidRequestError as error:
            return _Answer(relay.refuse(refuse_invalid(str(error))))
        answer = await run_in_threadpool(
            view.check, key, asked.path, asked.need, relay.clock(), asked.service_tier
        )
        if answer.refusal is LIMITS_UNAVAILABLE:
            return _Answer(relay.refuse(LIMITS_UNAVAILABLE))
        return _Answer(_answer_json(relay, answer, write_check(answer)))

    return [
        Route("/limits", show, methods=["GET"]),
        Route("/limits/check", check, methods=["POST"]),
    ]


def _answer_json(relay: CallRelay, answer: LimitAnswer, body: bytes) -> GatewayAnswer:
    headers = (("content-type", "application/json"), *relay.rules.write_limits(answer.limits))
    return GatewayAnswer(HTTPStatus.OK, headers, iter((body,)))


def _read_headers(request: Request) -> _Headers:
    return [(name.lower(), value) for name, value in request.headers.items()]


def log_failure(error: BaseException) -> None:
    """Log where a call failed, without the text of the error: it may quote the request."""
    logger.error(
        "A call failed", error=type(error).__name__, stack=format_tb(error.__traceback__)[-5:]
    )


async def _read_body(request: Request) -> bytes | None:
    """Read a body to its end, so that the caller reads the answer; `None` if it is too large."""
    body = bytearray()
    is_too_large = False
    async for piece in request.stream():
        is_too_large = is_too_large or len(body) + len(piece) > MAX_REQUEST_BYTES
        if not is_too_large:
            body += piece
    return None if is_too_large else bytes(body)


class _Answer(Response):
    """An answer that is read to its end, also when its caller has gone: its usage comes last."""

    def __init__(self, answer: GatewayAnswer) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's form
        """Send the answer, and settle the call afterwards."""
        answer, caller = self._answer, _Caller(send)
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers
        ]
        await caller.send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        try:
            async for piece in pump(answer.pieces):
                await caller.send({"type": "http.response.body", "body": piece, "more_body": True})
            await caller.send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await run_in_threadpool(answer.settle)


class _Caller:
    """The connection of a caller, who may have gone."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_there = True

    async def send(self, message: Message) -> None:
        """Send a message, unless the caller has gone."""
        if self._is_there:
            try:
                await self._send(message)
            except OSError:  # https://asgi.readthedocs.io/en/latest/specs/www.html#disconnected-client-send-exception
                self._is_there = False
