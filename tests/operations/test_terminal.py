"""Commands end cleanly, whatever ends them, and show how far they are."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cdk.operations.terminal import CommandError, run_command
from tests.invocation_logs import as_lines, log, write


def exit_code_of(error: BaseException | None) -> object:
    def command() -> None:
        if error is not None:
            raise error

    with pytest.raises(SystemExit) as end:
        run_command("meter", command)
    return end.value.code


def test_exit_codes_tell_how_a_command_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(None) == 0
    assert exit_code_of(CommandError("do this")) == 2
    assert exit_code_of(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "meter: do this\n"


def test_nothing_is_said_when_the_reader_of_the_output_has_seen_enough(tmp_path: Path) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log()))
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [sys.executable, "-m", "dashboards.reports.meter", str(logs)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (1, b"")


def test_long_input_shows_progress_on_a_terminal(tmp_path: Path) -> None:
    logs = write(tmp_path / "logs.json", as_lines(*[log(str(it)) for it in range(1000)]) * 40)
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "dashboards.reports.meter", str(logs)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal):
        os.close(terminal)
        shown = b""
        try:
            while chunk := os.read(screen, 1 << 16):
                shown += chunk
        except OSError:  # how a Linux terminal says that its other end is closed
            pass
    os.close(screen)
    assert b"Metering" in shown
    assert b"%" in shown
