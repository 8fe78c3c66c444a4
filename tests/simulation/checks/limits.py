"""The limits of the gateway: no interval has more than them, and each reservation ends once.

Every change of the table is seen as DynamoDB stores it, whatever the program knows of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.dynamodb.limit_items import MOMENT, SORT_KEY, name_total, read_subject
from lambdas.domain.limits import (
    MAX_CALL_SECONDS,
    SECOND,
    CalendarUnit,
    CounterKey,
    LimitUnit,
    OpenReservation,
    RollingWindow,
    SubjectState,
    make_calendar_window,
    to_moment,
)
from tests.benchmarks.windows import Arrival, find_highest_use
from tests.simulation.cloud.bedrock import ForwardedCall

MONTH = CounterKey(LimitUnit.TOTAL, make_calendar_window(CalendarUnit.MONTH))
"""The counter by which settled amounts are known: nothing leaves it during a run."""


@dataclass(slots=True)
class SeenReservation:
    """A reservation of a subject.

    Attributes:
        at: The time at which the call was admitted, by a right clock.
        entry: Its amounts.
        used: The tokens by which it was settled; `None` while it is open.
    """

    at: datetime
    entry: OpenReservation
    used: int | None = None


@dataclass(slots=True)
class LimitsWatch:
    """Sees all changes of the table of limits, and all calls that Bedrock gets.

    Attributes:
        now: Gives the time at which a call is admitted.
        spread: The difference between the clocks of gateways.
        most: The highest amount of each counter that is ever enforced, by policy.
        wrong: What does not hold.
        reservations: Those of each subject, by id.
        calls: The calls that Bedrock got, by reservation.
        concurrent: The calls of a caller that may run at a time.
    """

    now: Callable[[], datetime]
    spread: timedelta
    most: Mapping[str, Mapping[CounterKey, int]]
    concurrent: int
    wrong: list[str] = field(default_factory=list)
    reservations: defaultdict[str, dict[str, SeenReservation]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    calls: dict[str, ForwardedCall] = field(default_factory=dict)

    def see(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """See the change of an item."""
        if after is None or MOMENT not in after:  # a mark, or an item that expired
            return
        name = after[SORT_KEY]["S"]
        old = SubjectState() if before is None else read_subject(before).state
        stored = read_subject(after)
        new = stored.state
        if new.moment < old.moment:
            self.wrong.append(f"the clock of {name} went back")
        for key, slots in new.counters.items():
            # The sum has slots that have left until they are removed.
            total = sum(stored.slots.get(key, slots).values())
            if total != int(after[name_total(key)]["N"]):
                self.wrong.append(f"the slots of {name} {key.code} are not their sum")
        added = new.entries.keys() - old.entries.keys()
        removed = old.entries.keys() - new.entries.keys()
        for each in added:
            if each in self.reservations[name]:
                self.wrong.append(f"{each} was reserved again in {name}")
            self.reservations[name][each] = SeenReservation(self.now(), new.entries[each])
        charged = sum(new.entries[each].charges[MONTH] for each in added)
        rest = new.get_total(MONTH) - old.get_total(MONTH) - charged
        for each in removed:
            seen = self.reservations[name][each]
            seen.used = rest + old.entries[each].charges[MONTH]
            rest = 0
        if rest:
            self.wrong.append(f"{name} changed by {rest} without a reservation")

    def see_call(self, reservation: str, call: ForwardedCall) -> None:
        """See a call that Bedrock gets."""
        if reservation in self.calls:
            self.wrong.append(f"{reservation} was forwarded twice")
        self.calls[reservation] = call
        subjects = [name for name, reserved in self.reservations.items() if reservation in reserved]
        if f"tokens|caller={call.session}" not in subjects or "team" not in subjects:
            self.wrong.append(f"{reservation} was forwarded without its limits")
        for name in subjects:
            if self.reservations[name][reservation].used is not None:
                self.wrong.append(f"{reservation} was forwarded after it was settled in {name}")
            self._check_windows(name)
        self._check_concurrency(call)

    def _check_windows(self, name: str) -> None:
        """Compare the use of all intervals with the limits, for what was not above its estimate."""
        for key, amount in self.most.get(name.partition("|")[0], {}).items():
            uses, periods = list[Arrival](), Counter[int]()
            for each, seen in self.reservations[name].items():
                call = self.calls.get(each)
                if call is None or key not in seen.entry.charges:
                    continue
                used = min(seen.entry.charges[key], call.used)
                uses.append(Arrival(to_moment(seen.at), used))
                periods[key.window.number_at(seen.entry.at)] += used
            if isinstance(key.window, RollingWindow):
                length = key.window.seconds * SECOND - to_length(self.spread)
                highest = find_highest_use(sorted(uses), length)
            else:
                highest = max(periods.values(), default=0)
            if highest > amount:
                self.wrong.append(f"{name} used {highest} of {amount} in {key.code}")

    def _check_concurrency(self, call: ForwardedCall) -> None:
        # A call whose gateway was stopped may run on, and count no more.
        oldest = call.at - timedelta(seconds=MAX_CALL_SECONDS) + self.spread
        running = [
            each
            for each in self.calls.values()
            if each.session == call.session and each.ends_at > call.at and each.at > oldest
        ]
        if len(running) > self.concurrent:
            self.wrong.append(f"{call.session} had {len(running)} calls at a time")

    def list_open(self) -> list[tuple[str, str, SeenReservation]]:
        """List the reservations that are open."""
        return [
            (name, each, seen)
            for name, reserved in self.reservations.items()
            for each, seen in reserved.items()
            if seen.used is None
        ]


def to_length(time: timedelta) -> int:
    """Convert a length of time as moments are."""
    return round(time.total_seconds() * SECOND)
