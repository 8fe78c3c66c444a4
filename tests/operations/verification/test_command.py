"""The command works on the deployment of a verification alone."""

import pytest

from cdk.config import stack_names
from dashboards.command_line.entry_point import FailedCommand
from tests.command_line import call_command


@pytest.mark.parametrize("option", ["--remove", "--yes"])
def test_it_refuses_a_deployment_of_another_name(
    monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("METER_NAME", "")  # the command sets it; the test puts it back
    assert stack_names.PREFIX == "BedrockMeter"
    with pytest.raises(FailedCommand, match="this process works on BedrockMeter: start"):
        call_command("verify-account", "--cdk", "cdk", option)
