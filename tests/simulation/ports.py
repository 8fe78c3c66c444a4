"""Makes an in-memory twin behave as a service of AWS: each call is an effect, and may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.simulation.faults import Fault
from tests.simulation.world import World

_THROTTLED_SHARE = 0.03
_LOST_SHARE = 0.02


class Port:
    """A twin whose methods die, are refused, or lose their answers.

    Errors are those of the port: what an adapter raises when AWS refuses, or does not answer.
    """

    def __init__(
        self,
        world: World,
        twin: object,
        error: Callable[[str], Exception],
        *,
        is_read: bool = False,
    ) -> None:
        """Wrap a twin.

        Args:
            world: Chance.
            twin: The twin.
            error: Makes the error of the port.
            is_read: True if it only reads, so that a lost answer is nothing but a refusal.
        """
        self._world, self._twin, self._error, self._is_read = world, twin, error, is_read

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._twin, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            self._fail(Fault.THROTTLES, _THROTTLED_SHARE)
            answer = value(*arguments, **options)
            if not self._is_read:
                self._fail(Fault.LOST_ANSWERS, _LOST_SHARE)
            self._world.effect()
            return self._pages(answer) if isinstance(answer, Iterator) else answer

        return call

    def _pages(self, pages: Iterator[Any]) -> Iterator[Any]:
        for page in pages:
            self._world.effect()
            yield page

    def _fail(self, fault: Fault, chance: float) -> None:
        world = self._world
        world.effect()
        if world.current is None:
            return
        if world.is_outage or world.strikes(fault, chance):
            message = f"simulated: {fault}"
            raise self._error(message)
