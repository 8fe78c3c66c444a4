"""Runs commands as their users do, in the same terminal for every test."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdk.operations.terminal import run_command


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


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
