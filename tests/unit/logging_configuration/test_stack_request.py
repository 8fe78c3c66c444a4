"""Requests are accepted only in states of the stack in which CloudFormation sends them."""

import pytest

from lambdas.domain.logging_configuration import NotDeployingError, check_request, is_rollback

CREATE, UPDATE, DELETE = "Create", "Update", "Delete"


@pytest.mark.parametrize(
    ("status", "accepted"),
    [
        ("CREATE_IN_PROGRESS", {CREATE, UPDATE}),
        ("CREATE_COMPLETE", set()),
        ("ROLLBACK_IN_PROGRESS", {DELETE}),
        ("ROLLBACK_COMPLETE", set()),
        ("UPDATE_IN_PROGRESS", {CREATE, UPDATE}),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", {CREATE, UPDATE, DELETE}),
        ("UPDATE_COMPLETE", set()),
        ("UPDATE_FAILED", set()),
        ("UPDATE_ROLLBACK_IN_PROGRESS", {CREATE, UPDATE, DELETE}),
        ("UPDATE_ROLLBACK_FAILED", set()),
        ("UPDATE_ROLLBACK_COMPLETE", set()),
        ("DELETE_IN_PROGRESS", {DELETE}),
        ("DELETE_FAILED", set()),
        ("DELETE_COMPLETE", set()),
    ],
)
@pytest.mark.parametrize("request_type", [CREATE, UPDATE, DELETE])
def test_a_request_must_match_the_state_of_the_stack(
    request_type: str, status: str, accepted: set[str]
) -> None:
    if request_type in accepted:
        check_request(request_type, status)
        return
    with pytest.raises(NotDeployingError, match=f"{request_type} was refused.* {status}"):
        check_request(request_type, status)


def test_a_rollback_of_an_update_is_recognized() -> None:
    assert is_rollback("UPDATE_ROLLBACK_IN_PROGRESS")
    assert not is_rollback("UPDATE_IN_PROGRESS")
