"""Queues of SQS and their mappings: messages come at least once, and in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.simulation.cloud.errors import THROTTLED, UNAVAILABLE, lost_answer, refused
from tests.simulation.cloud.functions import Functions
from tests.simulation.faults import Fault
from tests.simulation.world import Killed, World

MAX_DELAY_SECONDS = 900
"""The time for which SQS holds a new message back at most.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""
_USUAL_SECONDS, _LATE_SECONDS = 2, 600
_COPY_SECONDS = 1.5
_COPIED_SHARE = 0.3
_UNDELETED_SHARE = 0.05
_THROTTLED_SHARE = 0.03
_LOST_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMapping:
    """The properties of a queue and of its mapping.

    Attributes:
        function: The function that it starts.
        batch_size: The maximum number of messages of a batch.
        visibility_timeout: The time for which a message is hidden while it is worked on.
        max_receives: The receives after which a message is a dead letter.
    """

    function: str
    batch_size: int
    visibility_timeout: timedelta
    max_receives: int


@dataclass(slots=True, eq=False)
class Message:
    """A message that is in a queue.

    Attributes:
        id: Its id.
        body: Its text.
        visible_at: The time until which it is hidden.
        receives: The number of its receipts.
    """

    id: str
    body: str
    visible_at: datetime
    receives: int = 0


@dataclass(slots=True)
class SimulatedQueue:
    """A standard queue, which starts a function if it is mapped to one.

    Attributes:
        world: Time and chance.
        functions: Calls functions.
        mapping: The function that gets its messages; `None` if they stay here.
        messages: The messages that are neither deleted nor dead letters, by id.
        dead_letters: The messages that were received too often.
    """

    world: World
    functions: Functions
    mapping: QueueMapping | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    dead_letters: list[Message] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def add(self, body: str, delay_seconds: int = 0) -> None:
        """Add a message, which may overtake others."""
        is_late = self.world.strikes(Fault.REORDERING, _COPIED_SHARE)
        seconds = self.world.random.uniform(0, _LATE_SECONDS if is_late else _USUAL_SECONDS)
        visible_at = self.world.now + timedelta(seconds=delay_seconds + seconds)
        message = Message(f"message-{next(self._numbers)}", body, visible_at)
        self.messages[message.id] = message
        self._plan(message)

    def redrive(self) -> None:
        """Move dead letters back."""
        for message in self.dead_letters:
            self.add(message.body)
        self.dead_letters.clear()

    def _plan(self, message: Message) -> None:
        self.world.at(message.visible_at, self._poll, message)

    def _poll(self, first: Message) -> None:
        """Receive a message that is visible by now, with others."""
        if self.mapping is None or not self._is_visible(first):
            return
        others = [each for each in self.messages.values() if self._is_visible(each)]
        self.world.random.shuffle(others)
        received = [first, *(each for each in others if each is not first)]
        batch = [each for each in received[: self.mapping.batch_size] if self._receive(each)]
        if not batch:
            return
        if self.world.strikes(Fault.DUPLICATES, _COPIED_SHARE):
            self.world.after(self.world.random.uniform(0, _COPY_SECONDS), self._call, batch)
        self._call(batch)

    def _is_visible(self, message: Message) -> bool:
        return message.id in self.messages and message.visible_at <= self.world.now

    def _receive(self, message: Message) -> bool:
        """Note a receipt; `False` if the message is a dead letter now."""
        assert self.mapping is not None
        if message.receives >= self.mapping.max_receives:
            del self.messages[message.id]
            self.dead_letters.append(message)
            return False
        message.receives += 1
        message.visible_at = self.world.now + self.mapping.visibility_timeout
        self._plan(message)
        return True

    def _call(self, batch: list[Message]) -> None:
        """Call the function, and delete what it has not reported as a failure."""
        assert self.mapping is not None
        records = [
            {"messageId": each.id, "receiptHandle": each.id, "body": each.body} for each in batch
        ]
        try:
            answer = self.functions.call(self.mapping.function, {"Records": records})
        except (Exception, Killed):  # noqa: BLE001  # as Lambda does
            return
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in batch:
            # What could not be deleted comes again, as SQS may have it.
            is_deleted = not self.world.strikes(Fault.LOST_ANSWERS, _UNDELETED_SHARE)
            if message.id not in failed and is_deleted:
                self.messages.pop(message.id, None)


class SimulatedSqs:
    """A client of SQS, with the faults that each request can have."""

    def __init__(self, world: World, queues: Mapping[str, SimulatedQueue]) -> None:
        """Make a client.

        Args:
            world: Chance.
            queues: The queues by URL.
        """
        self._world, self._queues = world, queues

    def send_message(
        self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int, MessageGroupId: str
    ) -> Any:
        """Add a message."""
        self._begin("SendMessage")
        assert 0 <= DelaySeconds <= MAX_DELAY_SECONDS
        assert MessageGroupId
        self._queues[QueueUrl].add(MessageBody, DelaySeconds)
        return self._end()

    def _begin(self, operation: str) -> None:
        self._world.effect()
        if self._world.is_outage:
            raise refused(UNAVAILABLE, operation)
        if self._world.strikes(Fault.THROTTLES, _THROTTLED_SHARE):
            raise refused(THROTTLED, operation)

    def _end(self) -> Any:
        if self._world.strikes(Fault.LOST_ANSWERS, _LOST_SHARE):
            raise lost_answer()
        self._world.effect()
        return {}
