"""Calls of a made-up account, as CloudWatch Logs delivers their records, and what they come to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.invocations import RejectionReason, UsageRecord, read_message
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME
from lambdas.domain.ledger import join_readings, latest_timestamp
from tests.builders import ANA, BEN, HAIKU_3
from tests.invocation_logs import log
from tests.log_deliveries import pack
from tests.poison_records import poison_messages
from tests.simulation.faults import Fault
from tests.simulation.world import START, World

NEW_MODEL = "vendor.new-model-v1:0"
"""A model whose price becomes known while the simulation runs."""
RETENTION = timedelta(days=15)
"""The time for which the ledger keeps a call: the shortest that settings allow."""
TRAFFIC = timedelta(hours=3)
GATEWAY_ROLE = "chat"
"""The role of calls through the gateway. Others name a reservation too, which does nothing."""
_IDENTITIES = (
    ANA,
    BEN,
    f"arn:aws:sts::111122223333:assumed-role/{GATEWAY_ROLE}/dora@example.com",
    "arn:aws:iam::111122223333:user/cleo",
)
_MAX_PACKAGE = 12
_MAX_POISON = 3_000
_PADDING = " " * (4 * 2**20 + 1)
_POISON = [
    message
    for message in poison_messages(START).values()
    if len(message) < _MAX_POISON and isinstance(read_message(message), RejectionReason)
]
_BROKEN = ("", "no base64!", pack(["cut off"])[:40], "H4sIAAAAAAAA")


@dataclass(frozen=True, slots=True)
class Package:
    """A delivery.

    Attributes:
        at: The time of its first delivery.
        data: The `awslogs.data` of its event.
    """

    at: datetime
    data: str


@dataclass(slots=True)
class Traffic:
    """All that is delivered in a run.

    Attributes:
        messages: The messages of each call, in their order, by request id.
        made_at: The time at which it was made, by our clock.
        packages: The deliveries.
        stored: Calls that the ledger had before the run.
        replays: Deliveries of these calls, again.
    """

    messages: dict[str, list[str]] = field(default_factory=dict)
    made_at: dict[str, datetime] = field(default_factory=dict)
    packages: list[Package] = field(default_factory=list)
    stored: list[UsageRecord] = field(default_factory=list)
    replays: list[Package] = field(default_factory=list)

    @property
    def calls(self) -> dict[tuple[str, str, str], UsageRecord]:
        """The truth: each call of the run with all that its readings report."""
        readings = [
            reading
            for messages in self.messages.values()
            for message in messages
            if isinstance(reading := read_message(message), UsageRecord)
        ]
        return join_readings(readings)

    def kept(self, now: datetime) -> dict[tuple[str, str, str], UsageRecord]:
        """The calls that the ledger still has at a time."""
        calls = self.calls | join_readings(self.stored)
        return {
            key: record
            for key, record in calls.items()
            if latest_timestamp(record) + RETENTION >= now
        }


def make_traffic(world: World, calls: int) -> Traffic:
    """Make calls and their deliveries."""
    traffic = Traffic()
    times = sorted(world.random.uniform(0, TRAFFIC.total_seconds()) for _ in range(calls))
    open_package: list[tuple[datetime, list[str]]] = []
    for number, seconds in enumerate(times):
        at = START + timedelta(seconds=seconds)
        messages = _make_messages(world, f"call-{number:04d}", at)
        traffic.messages[f"call-{number:04d}"] = messages
        traffic.made_at[f"call-{number:04d}"] = at
        open_package.append((at, messages))
        if len(open_package) >= world.random.randint(1, _MAX_PACKAGE):
            _pack(world, traffic, open_package)
            open_package = []
    if open_package:
        _pack(world, traffic, open_package)
    _add_duplicates(world, traffic)
    _add_broken_packages(world, traffic)
    _add_replays(world, traffic)
    return traffic


def _make_messages(world: World, request_id: str, at: datetime) -> list[str]:
    """The messages of a call: one, or a brief one and a full one."""
    random, made_at = world.random, at
    if world.strikes(Fault.LATENESS, 0.15, at):
        at -= timedelta(seconds=random.choice((4, 30, 240)) * random.uniform(3600, 3700))
    if world.strikes(Fault.CLOCK_SKEW, 0.3, made_at):
        at += timedelta(seconds=random.uniform(-900, 900))
    output = random.randint(1, 2_000)
    changes: dict[str, Any] = {
        "timestamp": at.isoformat(timespec="seconds"),
        "modelId": random.choice((HAIKU_3, HAIKU_3, NEW_MODEL)),
        "identity": {"arn": random.choice(_IDENTITIES)},
        "requestMetadata": {RESERVATION_NAME: request_id},
        "input": {"inputTokenCount": random.randint(1, 20_000)},
    }
    if random.random() < 0.1:
        changes["errorCode"] = "ModelErrorException"
    full = log(request_id, **changes, output={"outputTokenCount": output})
    brief = log(request_id, **changes, output={"outputTokenCount": output // 2})
    has_both = random.random() < 0.15
    return [json.dumps(message) for message in ([brief, full] if has_both else [full])]


def _pack(world: World, traffic: Traffic, packed: list[tuple[datetime, list[str]]]) -> None:
    random = world.random
    messages = [message for _, readings in packed for message in readings]
    at = packed[-1][0] + timedelta(seconds=random.uniform(5, 20))
    if world.strikes(Fault.REORDERING, 0.5, at):
        random.shuffle(messages)
        at += timedelta(seconds=random.expovariate(1 / 600))
    if world.strikes(Fault.POISON, 0.3, at):
        messages.insert(random.randint(0, len(messages)), random.choice(_POISON))
    is_first_huge = not world.struck[Fault.HUGE_OBJECTS]
    if is_first_huge and len(messages) > 1 and world.strikes(Fault.HUGE_OBJECTS, 0.5, at):
        messages.insert(len(messages) // 2, _PADDING)
    traffic.packages.append(Package(at, pack(messages)))


def _add_duplicates(world: World, traffic: Traffic) -> None:
    """Deliver some records again, in packages of their own."""
    for package in list(traffic.packages):
        if world.strikes(Fault.DUPLICATES, 0.3, package.at):
            at = package.at + timedelta(seconds=world.random.uniform(0, 10_800))
            made = [
                message
                for request_id, messages in traffic.messages.items()
                for message in messages
                if traffic.made_at[request_id] < at
            ]
            first = world.random.randrange(len(made))
            chosen = made[first : first + world.random.randint(1, _MAX_PACKAGE)]
            traffic.packages.append(Package(at, pack(chosen)))


def _add_broken_packages(world: World, traffic: Traffic) -> None:
    for _ in range(2):
        if world.strikes(Fault.POISON, 0.5):
            at = START + world.random.random() * TRAFFIC
            traffic.packages.append(Package(at, world.random.choice(_BROKEN)))


def _add_replays(world: World, traffic: Traffic) -> None:
    """Store calls whose time to be deleted comes in the run, and deliver them again afterwards."""
    for number in range(4):
        if world.strikes(Fault.TTL_REPLAY, 0.7):
            made_at = START - RETENTION + timedelta(hours=world.random.uniform(0.5, 8))
            messages = _make_messages(_calm(world), f"old-{number}", made_at)
            record = read_message(messages[-1])
            if isinstance(record, UsageRecord):
                traffic.stored.append(record)
                at = START + timedelta(hours=world.random.uniform(0.2, 16))
                traffic.replays.append(Package(at, pack(messages[-1:])))


def _calm(world: World) -> World:
    """A world without faults, with the same randomness."""
    calm = World(world.seed, frozenset())
    calm.random = world.random
    return calm
