"""Lambda: functions by name, asynchronous invocations with retries, and the failure bucket."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from cdk.config.resource_names import FAILURES_PREFIX
from tests.simulation.cloud.objects import SimulatedS3
from tests.simulation.cloud.stream import read_number
from tests.simulation.faults import Fault
from tests.simulation.world import Killed, World

FAILURES = "failures"
"""The bucket of failed events."""
MAX_RETRIES = 2
"""The retries of an asynchronous invocation."""
_GIVE_UP = 40
_MIN_PAUSE, _MAX_PAUSE = 60, 600
_ARN = "arn:aws:lambda:us-east-1:111122223333:function:"
_RESTART_SHARE = 0.02


class Handler(Protocol):
    """A function as Lambda calls it."""

    expected_errors: tuple[type[Exception], ...]

    def handle(self, event: Any) -> Any:
        """Handle an event."""

    def restart(self) -> None:
        """Begin a new process."""


class Functions:
    """Calls functions.

    Attributes:
        handlers: The functions by name.
        unexpected: Errors that no fault explains.
        given_up: Events that were dropped, which AWS never does here.
        interruptions: How often each function ended before its work was done.
        overlaps: How often each function was called while it ran.
        on_failure: Called when an event has come to the failure bucket.
    """

    def __init__(self, world: World, s3: SimulatedS3) -> None:
        self._world, self._s3 = world, s3
        self.handlers: dict[str, Handler] = {}
        self.unexpected: list[str] = []
        self.given_up: list[str] = []
        self.interruptions: Counter[str] = Counter()
        self.overlaps: Counter[str] = Counter()
        self.on_failure: Callable[[], None] = lambda: None
        self._running: Counter[str] = Counter()
        self._failures = 0
        self._repeated: set[tuple[str, str]] = set()

    def call(self, function: str, event: Any) -> Any:
        """Call a function once.

        Raises:
            Killed: The process died.
        """
        handler, world = self.handlers[function], self._world
        if world.strikes(Fault.TWO_VERSIONS, _RESTART_SHARE):
            handler.restart()
        self.overlaps[function] += bool(self._running[function])
        self._running[function] += 1
        try:
            with world.process(function) as process:
                process.is_interrupted = self._is_repeated(function, event)
                return handler.handle(event)
        except BaseException as error:
            self.interruptions[function] += 1
            self._handle_error(function, handler, error)
            raise
        finally:
            self._running[function] -= 1

    def _handle_error(self, function: str, handler: Handler, error: BaseException) -> None:
        if isinstance(error, Killed):
            handler.restart()
        elif not isinstance(error, (BotoCoreError, ClientError, *handler.expected_errors)):
            self.unexpected.append(f"{function}: {error!r}")

    def note_repeated(self, function: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Note that a poller gives records of a stream to a function for a second time."""
        self._repeated.update((function, read_number(record)) for record in records)

    def _is_repeated(self, function: str, event: Any) -> bool:
        records = event.get("Records", ()) if isinstance(event, dict) else ()
        changes = [record for record in records if "dynamodb" in record]
        return any((function, read_number(change)) in self._repeated for change in changes)

    def try_call(self, function: str, event: Any) -> bool:
        """Call a function without retries; `False` where it failed."""
        try:
            self.call(function, event)
        except (Exception, Killed):  # noqa: BLE001  # as Lambda does
            return False
        return True

    def send(self, function: str, event: Mapping[str, Any], attempt: int = 0) -> None:
        """Invoke a function asynchronously: again after a failure, a minute and two later.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        """
        if self.try_call(function, event):
            return
        is_limited = Fault.RETRY_LIMIT in self._world.faults
        if is_limited and attempt >= MAX_RETRIES:
            self.fail(function, {"requestPayload": event}, "RetriesExhausted")
        elif attempt >= _GIVE_UP:
            self.given_up.append(function)
        else:
            pause = min(_MIN_PAUSE * 2**attempt, _MAX_PAUSE)
            self._world.after(pause, self.send, function, event, attempt + 1)

    def fail(self, function: str, payload: Mapping[str, Any], condition: str) -> None:
        """Store an event in the failure bucket, with what Lambda writes about it.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        self._failures += 1
        context = {"functionArn": _ARN + function, "condition": condition}
        body = json.dumps({"requestContext": context, **payload})
        key = f"{FAILURES_PREFIX}{self._failures:05d}"
        self._s3.objects[FAILURES, key] = body.encode()
        self.on_failure()


class SimulatedLambda:
    """A client of Lambda, for operators' commands."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:
        """Call a function and wait for its answer."""
        try:
            answer = self._functions.call(FunctionName, json.loads(Payload))
        except Killed:
            return _fail("Sandbox.Timedout")
        except Exception as error:  # noqa: BLE001  # as Lambda does
            return _fail(type(error).__name__)
        return {"Payload": BytesIO(json.dumps(answer).encode())}


def _fail(kind: str) -> Any:
    body = json.dumps({"errorType": kind}).encode()
    return {"FunctionError": "Unhandled", "Payload": BytesIO(body)}
