"""Callers of the gateway, whose environments have clocks of their own and are stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lambdas.adapters.cached_policies import CachedPolicies
from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.limit_marks import DynamoDbMarks
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.adapters.dynamodb.policy_store import (
    CONTENT,
    POLICIES_KEY,
    REVISION,
    DynamoDbPolicies,
)
from lambdas.adapters.dynamodb.reserved_calls import DynamoDbReservedCalls
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.domain.api_keys import ApiKey, create_key
from lambdas.domain.bedrock_calls import BedrockAnswerLostError
from lambdas.domain.ledger import find_reservation
from lambdas.domain.limit_notices import write_due_mark
from lambdas.domain.limit_policies import AdmissionReport, NearMark, PolicySet, SettlementReport
from lambdas.domain.limits import (
    AnyWindow,
    CalendarUnit,
    CounterKey,
    LimitStoreError,
    LimitUnit,
    RollingWindow,
    make_calendar_window,
)
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.limit_calls import PolicyAdmission
from lambdas.services.relay_call import CallRelay, GatewayAnswer, GatewayRequest
from lambdas.services.settle_calls import GIVE_BACK_AFTER, LedgerUse, OpenCall, OpenCallSettler
from lambdas.wiring.limit_policies_file import read_policies
from tests.builders import HAIKU_3
from tests.limits import InlineExecutor
from tests.simulation.account import GOVERNANCE, LEDGER, LIMITS, Account
from tests.simulation.checks.limits import MONTH, LimitsWatch
from tests.simulation.cloud.bedrock import DURATION_HEADER, ForwardedCall, SimulatedBedrock
from tests.simulation.drivers.books import current_books
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.traffic import GATEWAY_ROLE, TRAFFIC
from tests.simulation.world import START

MAX_SKEW = timedelta(seconds=5)
"""The most by which the clock of an environment is before or behind the time."""
CALLS, _BURSTS = 40, 6
_MAX_ATTEMPTS = 3
_LAMBDA_SECONDS = 900
_BIG = 10**9
_FIVE_MINUTES, _MINUTE = RollingWindow(300), RollingWindow(60)
_HOUR = make_calendar_window(CalendarUnit.HOUR)
_CONCURRENT = 3
_ROLE_ARN = f"arn:aws:iam::123456789012:role/{GATEWAY_ROLE}"
_AMOUNTS: Mapping[str, Mapping[AnyWindow, int]] = {
    "tokens": {_MINUTE: 4_000, _HOUR: 14_000},
    "team": {_FIVE_MINUTES: 9_000},
}


def _write_policies(minute: int, *others: dict[str, Any]) -> str:
    """Write policies: two that always apply, with one amount that changes, and others."""
    hour, five = _AMOUNTS["tokens"][_HOUR], _AMOUNTS["team"][_FIVE_MINUTES]
    month = {"unit": "total", "amount": _BIG, "per": "month"}
    tokens: list[dict[str, Any]] = [
        {"unit": "total", "amount": minute, "per": "60s", "near": [80]},
        {"unit": "total", "amount": hour, "per": "hour"},
        {"unit": "concurrent", "amount": _CONCURRENT},
        month,
    ]
    team = [{"unit": "total", "amount": five, "per": "300s"}, month]
    policies = [
        {"name": "tokens", "partition_by": "caller", "limits": tokens},
        {"name": "team", "limits": team},
    ]
    return json.dumps({"policies": [*policies, *others]})


def _limit_requests(mode: str) -> dict[str, Any]:
    limits = [
        {"unit": "requests", "amount": 5, "per": "30s", "mode": mode},
        {"unit": "total", "amount": _BIG, "per": "month"},
    ]
    return {"name": "requests", "partition_by": "project", "limits": limits}


_VERSIONS = (
    _write_policies(4_000),
    _write_policies(2_500, _limit_requests("enforce")),
    _write_policies(4_000, _limit_requests("shadow")),
    _write_policies(3_000),
)


@dataclass(slots=True)
class Environment:
    """A process of the gateway, which has one call at a time.

    Attributes:
        skew: The time by which its clock is ahead.
        relay: The service.
        is_busy: True while it has a call.
        is_alive: False once it was stopped.
    """

    skew: timedelta
    relay: CallRelay
    is_busy: bool = False
    is_alive: bool = True


@dataclass(slots=True)
class Call:
    """A call of a caller, with all its attempts."""

    number: int
    key: ApiKey
    body: bytes
    attempts: int = 0


@dataclass(slots=True)
class Begin:
    """A request comes in."""

    environment: Environment
    call: Call
    answers: list[GatewayAnswer] = field(default_factory=list)


class Finish(NamedTuple):
    """Bedrock has answered."""

    environment: Environment
    answer: GatewayAnswer


class Settle(NamedTuple):
    """The settler runs, as scheduled."""


class GatewayDriver(Driver):
    """Callers in bursts, and the settler."""

    function = "gateway"
    expected_errors = (LimitStoreError, TableUnavailableError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        has_skew = Fault.CLOCK_SKEW in account.world.faults
        keyed = {
            name: {CounterKey(LimitUnit.TOTAL, window): amount for window, amount in each.items()}
            for name, each in _AMOUNTS.items()
        }
        spread = 2 * MAX_SKEW if has_skew else timedelta(0)
        self.watch = LimitsWatch(self._get_admission_time, spread, keyed, _CONCURRENT)
        account.tables[LIMITS].watch = self.watch.see
        self.bedrock = SimulatedBedrock(account, self._see_call)
        self.environments: list[Environment] = []
        self._began: list[datetime] = []
        self.marks: list[NearMark] = []
        self.reservations = self.refused = 0
        self._recorded: dict[str, datetime] = {}
        self._is_settling = 0
        self._settling_since = START
        account.tables[LEDGER].watch = self._see_record
        self._keys = [
            create_key(bytes([number] * 32), owner, START, project="chat")[1]
            for number, owner in enumerate(("dora", "eve", "finn"))
        ]

    # what the handler does

    def make(self) -> OpenCallSettler:
        """Make the settler. Relays are made by environment."""
        recorded = LedgerUse(
            calls=DynamoDbReservedCalls(self.dynamodb, LEDGER),
            caller_role=GATEWAY_ROLE,
            get_books=current_books(self).get,
            clock=lambda: self.account.now,
        )
        return OpenCallSettler(DynamoDbLimits(self.dynamodb, LIMITS), recorded)

    def make_relay(self, skew: timedelta) -> CallRelay:
        """Make the service of an environment, as wiring does."""
        keys: Any = None  # authentication has no part in limits
        admission = PolicyAdmission(
            CachedPolicies(DynamoDbPolicies(self.dynamodb, GOVERNANCE), _read, lambda _: None),
            CallAdmitter(DynamoDbLimits(self.dynamodb, LIMITS), self._make_id, InlineExecutor()),
            _NoPrices(),
            DynamoDbMarks(
                self.dynamodb,
                LIMITS,
                lambda mark, at: write_due_mark(mark, _ROLE_ARN, at),
                self.marks.append,
                lambda _: None,
            ),
            _NoReports(),
        )
        relay = CallRelay(keys, admission, self.bedrock, lambda: self.account.now + skew)
        changed: CallRelay = self.account.plant.change_service(self.function, relay)
        return changed

    def run(self, event: Begin | Finish | Settle) -> None:
        if isinstance(event, Settle):
            self._settle()
            return
        try:
            if isinstance(event, Begin):
                self._relay(event)
            else:
                self._finish(event.answer)
        except BaseException:
            event.environment.is_alive = False
            raise

    def restart(self) -> None:
        """Begin new processes: those that have a call go on."""
        super().restart()
        self.environments = [each for each in self.environments if each.is_busy]

    def _relay(self, event: Begin) -> None:
        call = event.call
        headers = [("amz-sdk-invocation-id", f"call-{call.number}")]
        path = f"/model/{HAIKU_3.replace(':', '%3A')}/converse"
        request = GatewayRequest(call.key, path, headers, call.body)
        self._began.append(self.account.now)
        try:
            event.answers.append(event.environment.relay.relay(request))
        finally:
            self._began.pop()

    def _get_admission_time(self) -> datetime:
        """The time at which a gateway has read its clock; DynamoDB may take some seconds more."""
        return self._began[-1] if self._began else self.account.now

    def _finish(self, answer: GatewayAnswer) -> None:
        try:
            list(answer.pieces)
        except BedrockAnswerLostError:
            pass
        finally:
            answer.settle()

    def _settle(self) -> None:
        if self._is_settling:  # its concurrency is 1
            return
        self._is_settling, self._settling_since = 1, self.account.now
        try:
            counts, unread = self.service.settle(self.account.now)
        finally:
            self._is_settling = 0
        if unread is None and not counts[OpenCall.FAILED]:
            oldest = self._settling_since - GIVE_BACK_AFTER - MAX_SKEW
            self.watch.wrong += [
                f"{each} of {name} is still open"
                for name, each, seen in self.watch.list_open()
                if seen.at < oldest
            ]

    def _make_id(self) -> str:
        self.reservations += 1
        return f"r-{self.reservations:04d}"

    # what starts it

    def start(self) -> None:
        self._store_policies(0)
        world, random = self.account.world, self.account.world.random
        for number in range(1, len(_VERSIONS)):
            moment = START + TRAFFIC * (number / len(_VERSIONS)) * random.uniform(0.8, 1.2)
            world.at(moment, self._store_policies, number)
        bursts = [START + TRAFFIC * random.random() for _ in range(_BURSTS)]
        for number in range(CALLS):
            at = random.choice(bursts) + timedelta(seconds=random.expovariate(1 / 10))
            body = {
                "messages": [{"role": "user", "content": [{"text": "x" * random.randint(9, 900)}]}],
                "inferenceConfig": {"maxTokens": random.randint(50, 1_500)},
            }
            call = Call(number, random.choice(self._keys), json.dumps(body).encode())
            world.at(at, self._call, call)
        self._settle_every(timedelta(minutes=7), START, FAULTS_END)
        self._settle_every(timedelta(minutes=97), FAULTS_END, END)

    def _settle_every(self, interval: timedelta, first: datetime, last: datetime) -> None:
        self.every(interval, first + timedelta(minutes=5), last, lambda _: Settle(), retries=0)

    def _store_policies(self, number: int) -> None:
        item = {CONTENT: {"S": _VERSIONS[number]}, REVISION: {"N": str(number + 1)}}
        self.account.tables[GOVERNANCE].load({**POLICIES_KEY, **item})

    def _call(self, call: Call) -> None:
        """Make an attempt, and more of them with the same id while it is refused or fails."""
        world, environment = self.account.world, self._choose_environment()
        environment.is_busy = True
        event = Begin(environment, call)
        self.account.functions.try_call(self.function, event)
        call.attempts += 1
        if environment.is_alive and event.answers:
            (answer,) = event.answers
            headers = dict(answer.headers)
            seconds = float(headers.get(DURATION_HEADER, 0))
            if seconds < _LAMBDA_SECONDS:
                world.after(seconds, self._end, environment, answer)
            else:
                world.after(_LAMBDA_SECONDS, self._time_out, environment)
            if answer.status in range(200, 300):
                return
            self.refused += 1
            pause = int(headers.get("x-amz-retry-after", 1_000)) / 1_000
        else:
            pause = 1
        if call.attempts < _MAX_ATTEMPTS:
            world.after(pause, self._call, call)

    def _end(self, environment: Environment, answer: GatewayAnswer) -> None:
        if environment.is_alive:
            self.account.functions.try_call(self.function, Finish(environment, answer))
            environment.is_busy = False

    def _time_out(self, environment: Environment) -> None:
        environment.is_alive = False

    def _choose_environment(self) -> Environment:
        self.environments = [each for each in self.environments if each.is_alive]
        free = [each for each in self.environments if not each.is_busy]
        if free:
            return self.account.world.random.choice(free)
        skew = timedelta(0)
        if Fault.CLOCK_SKEW in self.account.world.faults:
            skew = self.account.world.random.uniform(-1, 1) * MAX_SKEW
            self.account.world.note(Fault.CLOCK_SKEW)
        environment = Environment(skew, self.make_relay(skew))
        self.environments.append(environment)
        return environment

    # what has to hold

    def _see_call(self, reservation: str, call: ForwardedCall) -> None:
        self.watch.see_call(reservation, call)

    def _see_record(self, _before: Any, after: Any) -> None:
        """Note when the ledger had the call of a reservation."""
        if after is not None:
            reservation = find_reservation(from_item(after), GATEWAY_ROLE)
            if reservation is not None:
                self._recorded.setdefault(reservation, self.account.now)

    def check(self) -> Iterator[str]:
        yield from self.watch.wrong[:3]
        marks = [mark.id for mark in self.marks]
        if len(marks) != len({*marks}):
            yield "a mark was reported twice"
        for name, reserved in self.watch.reservations.items():
            yield from self._check_subject(name, reserved)

    def _check_subject(self, name: str, reserved: Any) -> Iterator[str]:
        """Compare each settlement with the ledger, but for records that came too late."""
        in_ledger = self._sum_ledger()
        for each, seen in reserved.items():
            if seen.used is None:
                yield f"{each} of {name} is still open"
                continue
            call = self.bedrock.calls.get(each)
            used = 0 if call is None else call.used
            if used != in_ledger.get(each, 0):
                yield f"the ledger has {in_ledger.get(each)} of {each}, which used {used}"
            recorded_at = self._recorded.get(each)
            is_late = recorded_at is None or recorded_at >= seen.at + GIVE_BACK_AFTER - MAX_SKEW
            if seen.used != used and not (is_late and seen.used == 0):
                yield f"{each} of {name} was settled by {seen.used}, and used {used}"
        counted = sum(seen.used or 0 for seen in reserved.values())
        stored = self._get_total(name)
        if stored != counted:
            yield f"the counter of {name} has {stored}, and its calls used {counted}"

    def _sum_ledger(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for item in self.account.tables[LEDGER].items.values():
            record = from_item(item)
            reservation = find_reservation(record, GATEWAY_ROLE)
            if reservation is not None and not record.is_failed:
                sums[reservation] = sums.get(reservation, 0) + (record.tokens.total or 0)
        return sums

    def _get_total(self, name: str) -> int:
        state = DynamoDbLimits(_Unfailing(self.account), LIMITS).read(name)  # type: ignore[arg-type]
        return 0 if state is None else state.get_total(MONTH)


class _Unfailing:
    """Reads a table with no fault in the way."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def get_item(self, **request: Any) -> Any:
        item = self._account.tables[request["TableName"]].get(request["Key"])
        return {} if item is None else {"Item": item}


class _NoPrices:
    def price(self, *_: Any) -> None:
        return None


class _NoReports:
    def report_admission(self, report: AdmissionReport) -> None:
        pass

    def report_settlement(self, report: SettlementReport) -> None:
        pass


def _read(text: str) -> PolicySet:
    return read_policies(text).policies
