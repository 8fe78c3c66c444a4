"""Additions to moto for the removal of a deployment."""

import pytest
from moto.cloudformation.responses import CloudFormationResponse

_ANSWER = """<UpdateTerminationProtectionResponse><UpdateTerminationProtectionResult/>
</UpdateTerminationProtectionResponse>"""


@pytest.fixture(autouse=True)
def termination_protection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Termination protection of stacks, which moto does not know."""
    monkeypatch.setattr(
        CloudFormationResponse,
        "update_termination_protection",
        lambda _: _ANSWER,
        raising=False,
    )
