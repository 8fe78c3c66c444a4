"""Waiting ends with what is there, or at its deadline."""

from cdk.operations.verification.waiting import Waiting


class Clock:
    """A clock that moves only while something waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def waiting(self, limit_seconds: float) -> Waiting:
        return Waiting(limit_seconds, lambda: self.seconds, self.pause)


def test_an_immediate_result_is_returned_without_a_pause() -> None:
    clock = Clock()
    assert clock.waiting(60).until(lambda: "found") == "found"
    assert clock.pauses == []


def test_pauses_grow_until_the_result_is_there() -> None:
    clock = Clock()
    assert clock.waiting(600).until(lambda: clock.seconds, lambda seconds: seconds > 100) > 100
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[-1] == 15


def test_the_last_look_is_returned_at_the_deadline() -> None:
    clock = Clock()
    assert clock.waiting(30).until(lambda: None) is None
    assert 30 <= clock.seconds < 45
