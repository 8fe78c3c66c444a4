"""Commands end cleanly whatever stops them, and show their progress."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdk.config import read_config
from cdk.operations.terminal import CommandError
from dashboards.command_line.entry_point import CommandGroup
from dashboards.reports.commands import explained_failures
from tests.command_line import BEDROCK_METER
from tests.invocation_logs import as_lines, log, write


def get_exit_code(function: Callable[[], None]) -> object:
    """Run a function as the command `meter`."""
    group = CommandGroup()
    group.command("meter")(function)
    with pytest.raises(SystemExit) as end:
        group.main(["meter"])
    return end.value.code


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (None, 0, ""),
        (CommandError("do this", "and this"), 2, "meter: do this\nand this\n"),
        (
            OSError(28, "No space left on device"),
            2,
            "meter: cannot write: No space left on device.\n",
        ),
        (
            FileNotFoundError(2, "No such file or directory", "docker"),
            2,
            "meter: docker: No such file or directory.\n",
        ),
        (ConnectionRefusedError(111, "Connection refused"), 2, "meter: Connection refused.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_exit_codes_report_how_a_command_ended(
    error: BaseException | None, code: int, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        if error is not None:
            raise error

    standard_output = os.dup(1)
    try:
        assert get_exit_code(command) == code
    finally:
        os.dup2(standard_output, 1)
        os.close(standard_output)
    assert capfd.readouterr().err == text


def test_each_configuration_problem_has_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cdk.json"
    path.write_text('{"context": {"regions": ["us-east1"], "metric_detail": "\\u001b[2J"}}')

    def read_settings() -> None:
        with explained_failures():
            read_config(path)

    assert get_exit_code(read_settings) == 2
    first, *problems = capsys.readouterr().err.splitlines()
    assert first == "meter: The configuration is invalid:"
    assert [line.split()[0] for line in problems] == ["regions.0", "metric_detail"]
    assert all(line.isprintable() and "\N{REPLACEMENT CHARACTER}" not in line for line in problems)


def test_a_reason_cannot_forge_a_second_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        message = "no model a\nmeter: all is well"
        raise CommandError(message)

    assert get_exit_code(fail) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "meter: no model a\N{REPLACEMENT CHARACTER}meter: all is well"


def test_a_closed_pipe_ends_a_command_silently(tmp_path: Path) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log()))
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [*BEDROCK_METER, "meter", str(logs)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (1, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["meter", "--help"], ["completion", "bash"]])
def test_a_closed_pipe_ends_help_silently(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [*BEDROCK_METER, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", [["--help"], ["meter", "--help"], ["completion", "bash"]])
def test_a_full_disk_is_reported_in_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [*BEDROCK_METER, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    name = arguments[0].replace("--help", "bedrock-meter")
    assert (run.returncode, run.stderr) == (2, f"{name}: cannot write: No space left on device.\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_output_is_skipped(tmp_path: Path, closed: str) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log()))
    command = shlex.join([*BEDROCK_METER, "meter", str(logs)])
    run = subprocess.run(  # noqa: S602  # a shell can close the output
        f"{command} {closed}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert ("claude" in run.stdout) is (closed == "2>&-")


def test_long_input_shows_progress_on_a_terminal(tmp_path: Path) -> None:
    logs = write(
        tmp_path / "logs.json", as_lines(*[log(str(number)) for number in range(1000)]) * 40
    )
    screen, terminal = pty.openpty()
    command = [*BEDROCK_METER, "meter", str(logs)]
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


@pytest.mark.parametrize(
    ("module", "replaced", "code"),
    [
        ("cdk.__main__", "cdk.app", -signal.SIGINT),
        ("dashboards.command_line", "dashboards.command_line.entry_point", 130),
    ],
)
def test_ctrl_c_ends_a_program_without_a_traceback_from_its_start_on(
    module: str, replaced: str, code: int
) -> None:
    """A module that takes seconds to import is interrupted when its program first uses it."""
    program = (
        "import importlib, os, signal, sys\n"
        f"started = importlib.import_module({module!r})\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {replaced!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "started.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_a_terminated_command_removes_its_temporary_files(tmp_path: Path) -> None:
    program = (
        "import os, signal, tempfile\n"
        "from dashboards.command_line import entry_point, main\n"
        "import click\n"
        "@entry_point.bedrock_meter.command('wait')\n"
        "def wait():\n"
        "    with tempfile.TemporaryDirectory() as folder:\n"
        "        open(os.path.join(folder, 'store'), 'w').close()\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        signal.pause()\n"
        "entry_point.CommandFolder.get_command = lambda self, ctx, name: wait\n"
        "main(['wait'])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (143, b"")
    assert list(tmp_path.iterdir()) == []
