"""Starts `bedrock-meter`, in this process or in a separate one."""

import sys
from pathlib import Path

import pytest

from dashboards.command_line import main
from dashboards.command_line.entry_point import NAME, bedrock_meter

BEDROCK_METER = (sys.executable, "-c", "from dashboards.command_line import main; main()")
"""The console script, run with the code of this folder."""


def run_command(*arguments: Path | str) -> int:
    """Run a command to its end; returns the exit code."""
    with pytest.raises(SystemExit) as end:
        main([*map(str, arguments)])
    assert isinstance(end.value.code, int)
    return end.value.code


def call_command(*arguments: Path | str) -> None:
    """Run a command that may fail with an exception."""
    bedrock_meter.main([*map(str, arguments)], NAME, standalone_mode=False)
