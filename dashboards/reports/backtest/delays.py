"""Times that the brake needs, from a call to the deny that takes effect."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import NamedTuple

from cdk.functions.usage_counter import TUMBLING_WINDOW

WINDOW_SECONDS = int(TUMBLING_WINDOW.to_seconds())
"""The brake runs at the end of each window in which calls were counted, and each minute."""


class Delays(NamedTuple):
    """Times in seconds.

    Attributes:
        name: The name of the assumptions.
        log: The least, the median and the longest time until Bedrock's log of a call arrives.
        counting: The time from then until the call is counted.
        attaching: The time from the start of a run until IAM has taken the deny.
        effect: The shortest and the longest time from then until Bedrock refuses calls.
    """

    name: str
    log: tuple[float, float, float]
    counting: float
    attaching: float
    effect: tuple[float, float]

    def pick_counting(self, chance: random.Random) -> float:
        """Pick the time from a call until it is counted: half of the logs before the median."""
        least, middle, longest = self.log
        place = 2 * chance.random()
        log = (
            least + (middle - least) * place
            if place < 1
            else middle + (longest - middle) * (place - 1)
        )
        return log + self.counting

    def pick_effect(self, chance: random.Random) -> timedelta:
        """Pick the time from the start of a run until its deny takes effect."""
        return timedelta(seconds=self.attaching + chance.uniform(*self.effect))


FAST = Delays("fast", (3.5, 10.4, 15.0), 3.0, 2.0, (2.0, 10.0))
"""Log times are those of 14 calls that others measured on AWS; the rest is assumed."""
SLOW = Delays("slow", (35.0, 104.0, 150.0), 3.0, 2.0, (20.0, 100.0))
"""The log and IAM take ten times as long."""
NONE = Delays("none", (0.0, 0.0, 0.0), 0.0, 0.0, (0.0, 0.0))
"""Only the time between runs of the brake is left."""
