"""The times of a call: each moment is the gateway's own, or spent on waiting for others."""

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.bedrock_calls import CallTimes, RunningCall
from tests.builders import NOON
from tests.gateway import KEY

NS = st.integers(0, 10**12)
PIECES = st.lists(st.tuples(NS, NS, NS), max_size=5)


class Clock:
    """A clock that only what uses it moves on."""

    def __init__(self) -> None:
        self.now = 17

    def read(self) -> int:
        return self.now


@given(before=NS, signing=NS, waiting=NS, after=NS, pieces=PIECES)
def test_own_time_is_all_but_what_others_took(
    before: int, signing: int, waiting: int, after: int, pieces: list[tuple[int, int, int]]
) -> None:
    clock = Clock()
    call = RunningCall(NOON, clock.read)
    clock.now += before
    call.pause()
    asked = clock.now
    clock.now += signing + waiting
    call.note_sent(signing, asked)
    call.resume()
    clock.now += after
    call.pause()
    own, elapsed = before + signing + after, before + signing + waiting + after
    first: int | None = None
    for bedrock, reading, caller in pieces:
        clock.now += bedrock
        call.resume()
        clock.now += reading
        call.hand_on()
        own, elapsed = own + reading, elapsed + bedrock + reading
        first = elapsed if first is None else first
        clock.now += caller
        elapsed += caller
    report = call.end(200)
    assert report.times == CallTimes(NOON, elapsed, own, before + signing, first)
    assert report.times.own <= report.times.ended


@given(NS)
def test_a_call_that_is_not_sent_waits_for_the_gateway_alone(before: int) -> None:
    clock = Clock()
    call = RunningCall(NOON, clock.read)
    clock.now += before
    report = call.end(403, "unknown_key")
    assert report.times == CallTimes(NOON, before, before)
    assert (report.caller, report.tier, report.project) == (None, None, None)
    assert report.error == "unknown_key"


def test_a_report_names_the_session_of_the_caller() -> None:
    report = RunningCall(NOON, Clock().read, key=KEY).end(200)
    assert (report.caller, report.project) == ("ana@example.com", "search")
    assert report.error is None
