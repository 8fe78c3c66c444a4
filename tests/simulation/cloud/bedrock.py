"""Amazon Bedrock behind the gateway: it answers calls and writes the log of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.bedrock_calls import (
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockRequest,
)
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME
from tests.builders import HAIKU_3
from tests.invocation_logs import log
from tests.log_deliveries import pack
from tests.simulation.account import Account
from tests.simulation.faults import Fault
from tests.simulation.traffic import GATEWAY_ROLE, Package

_SESSION_ARN = f"arn:aws:sts::111122223333:assumed-role/{GATEWAY_ROLE}/"
_NOT_REACHED_SHARE, _LOST_SHARE, _ERROR_SHARE = 0.05, 0.05, 0.05
_DEBT_SHARE, _SILENT_SHARE, _CACHED_SHARE, _WHOLE_SHARE = 0.1, 0.05, 0.2, 0.6
_LONG_SHARE, _LATE_SHARE, _DUPLICATE_SHARE = 0.04, 0.1, 0.2
DURATION_HEADER = "x-simulated-seconds"


@dataclass(frozen=True, slots=True)
class ForwardedCall:
    """A call that Bedrock has got.

    Attributes:
        at: The time.
        ends_at: The time at which Bedrock has answered.
        session: The name of the caller's session.
        used: The tokens in total; 0 for a call that failed.
    """

    at: datetime
    ends_at: datetime
    session: str
    used: int


class SimulatedBedrock:
    """The runtime of Bedrock, as the gateway reaches it.

    Attributes:
        calls: The calls, by their reservations.
        on_call: Called with the reservation of each call that Bedrock gets.
    """

    def __init__(self, account: Account, on_call: Callable[[str, ForwardedCall], None]) -> None:
        self._account, self.on_call = account, on_call
        self.calls: dict[str, ForwardedCall] = {}

    def send(self, request: BedrockRequest) -> BedrockAnswer:
        """Answer a request, and log it."""
        world = self._account.world
        world.effect()
        if world.is_outage or world.strikes(Fault.THROTTLES, _NOT_REACHED_SHARE):
            raise BedrockNotReachedError
        answer = self._answer(request)
        if world.strikes(Fault.LOST_ANSWERS, _LOST_SHARE):
            raise BedrockAnswerLostError
        world.effect()
        return answer

    def _answer(self, request: BedrockRequest) -> BedrockAnswer:
        world, random = self._account.world, self._account.world.random
        body: Any = json.loads(request.body)
        reservation = body["requestMetadata"][RESERVATION_NAME]
        is_failed = random.random() < _ERROR_SHARE
        counts = self._use(len(request.body), body["inferenceConfig"]["maxTokens"])
        is_long = random.random() < _LONG_SHARE
        seconds = random.uniform(905, 1300) if is_long else random.expovariate(1 / 20)
        used = 0 if is_failed else sum(counts)
        ends_at = world.now + timedelta(seconds=seconds)
        call = ForwardedCall(world.now, ends_at, request.session_name, used)
        self.on_call(reservation, call)
        self.calls[reservation] = call
        self._log(reservation, call, counts, is_failed=is_failed)
        headers = (("content-type", "application/json"), (DURATION_HEADER, str(seconds)))
        if is_failed:
            return BedrockAnswer(429, headers, iter((b'{"message":"simulated"}',)))
        answer: dict[str, Any] = {"output": {}}
        if random.random() >= _SILENT_SHARE:
            plain, output, cached = counts
            usage = {"inputTokens": plain, "outputTokens": output, "totalTokens": sum(counts)}
            answer["usage"] = usage | {"cacheReadInputTokens": cached}
        return BedrockAnswer(200, headers, self._write(json.dumps(answer).encode()))

    def _use(self, length: int, max_output: int) -> tuple[int, int, int]:
        """Choose tokens of a plain input, of the output and of a cached input; many use it all."""
        random = self._account.world.random
        most = length if random.random() >= _DEBT_SHARE else 3 * length
        cached = random.randint(0, most // 2) if random.random() < _CACHED_SHARE else 0
        if random.random() < _WHOLE_SHARE:
            return most - cached, max_output, cached
        return random.randint(1, most - cached), random.randint(1, max_output), cached

    def _write(self, body: bytes) -> Iterator[bytes]:
        world, third = self._account.world, len(body) // 3
        for piece in (body[:third], body[third:-third], body[-third:]):
            world.effect()
            if world.strikes(Fault.LOST_ANSWERS, _LOST_SHARE):
                raise BedrockAnswerLostError
            yield piece

    def _log(
        self,
        reservation: str,
        call: ForwardedCall,
        counts: tuple[int, int, int],
        *,
        is_failed: bool,
    ) -> None:
        """Write the log of a call, which is delivered after it has ended."""
        plain, output, cached = counts
        changes: dict[str, Any] = {
            "timestamp": call.at.isoformat(timespec="seconds"),
            "modelId": HAIKU_3,
            "identity": {"arn": f"{_SESSION_ARN}{call.session}"},
            "requestMetadata": {RESERVATION_NAME: reservation},
            "input": {"inputTokenCount": plain, "cacheReadInputTokenCount": cached},
            "output": {"outputTokenCount": output},
        }
        if is_failed:
            nothing: dict[str, Any] = {"input": {}, "output": {}}
            changes |= {"errorCode": "ThrottlingException"} | nothing
        request_id = f"gateway-{reservation}"
        message = json.dumps(log(request_id, **changes))
        traffic, world = self._account.traffic, self._account.world
        traffic.messages[request_id] = [message]
        traffic.made_at[request_id] = call.at
        delay = world.random.uniform(5, 60)
        if world.strikes(Fault.LATENESS, _LATE_SHARE, call.at):
            delay += world.random.uniform(3_000, 10_000)
        self._deliver(call.ends_at + timedelta(seconds=delay), message)
        if world.strikes(Fault.DUPLICATES, _DUPLICATE_SHARE, call.at):
            delay += world.random.uniform(0, 5_000)
            self._deliver(call.ends_at + timedelta(seconds=delay), message)

    def _deliver(self, at: datetime, message: str) -> None:
        package = Package(at, pack([message]))
        self._account.traffic.packages.append(package)
        event = {"awslogs": {"data": package.data}}
        self._account.world.at(at, self._account.functions.send, "log_processor", event)
