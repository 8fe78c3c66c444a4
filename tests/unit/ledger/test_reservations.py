"""Only calls of the gateway's own role settle reservations."""

import pytest

from lambdas.domain.invocations import CONFLICTING_IDENTITY
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME
from lambdas.domain.ledger import find_reservation, is_gateway_call, join
from tests.builders import ANA
from tests.limits import CALLER_ROLE, gateway_call

ACCOUNT = "111122223333"


def test_a_call_of_the_gateway_names_its_reservation() -> None:
    assert find_reservation(gateway_call("one"), CALLER_ROLE) == "one"
    assert is_gateway_call(gateway_call("one", request_metadata=()), CALLER_ROLE)


@pytest.mark.parametrize(
    "caller",
    [
        ANA,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/app/ana",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{CALLER_ROLE}s/ana",
        f"arn:aws:sts::444455556666:assumed-role/{CALLER_ROLE}/ana",
        f"arn:aws:iam::{ACCOUNT}:role/{CALLER_ROLE}",
        f"arn:aws:iam::{ACCOUNT}:user/{CALLER_ROLE}/ana",
        f"role/{CALLER_ROLE}",
        CONFLICTING_IDENTITY,
        "",
    ],
)
def test_a_reservation_that_anyone_else_names_does_nothing(caller: str) -> None:
    call = gateway_call("one", identity_arn=caller)
    assert find_reservation(call, CALLER_ROLE) is None
    assert not is_gateway_call(call, CALLER_ROLE)


def test_a_call_whose_readings_name_several_callers_settles_nothing() -> None:
    forged = join(gateway_call("one"), gateway_call("one", identity_arn=ANA))
    assert find_reservation(forged, CALLER_ROLE) is None


@pytest.mark.parametrize("metadata", [(), (("team", "one"),), ((RESERVATION_NAME, ""),)])
def test_a_call_without_a_reservation_settles_nothing(
    metadata: tuple[tuple[str, str], ...],
) -> None:
    call = gateway_call("one", request_metadata=metadata)
    assert find_reservation(call, CALLER_ROLE) is None
