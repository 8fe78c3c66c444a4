"""Runs the commands of the preview as their users do."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdk.operations.terminal import run_command


@pytest.fixture
def run_as(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command with arguments, as `python -m` does; gives its exit code."""

    def run_command_as(name: str, main: Callable[[], None], *arguments: Path | str) -> int:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            run_command(name, main)
        assert isinstance(end.value.code, int)
        return end.value.code

    return run_command_as
