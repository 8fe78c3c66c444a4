"""Every command has help that is fast, names its options and completes in the shell."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from cdk.operations.approval import explain_deploy_approval
from dashboards.command_line.entry_point import NAME, bedrock_meter
from tests.command_line import BEDROCK_METER, run_command

COST = ("cost", "--calls", "10", "--identities", "1", "--models", "1")
SLOW_PACKAGES = ("aws_cdk", "boto3", "botocore", "duckdb", "moto", "playwright", "pydantic")


def walk(group: click.Group, context: click.Context, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the names of each command, those of groups included."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name)
        if isinstance(command, click.Group):
            yield from walk(command, context, *names, name)


COMMANDS = list(walk(bedrock_meter, click.Context(bedrock_meter)))


def find_command(names: tuple[str, ...]) -> click.Command:
    command: click.Command = bedrock_meter
    for name in names:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


def complete(shell: str, line: str, last: str) -> str:
    """Complete a line as the shell asks for it."""
    environment = os.environ | {
        "_BEDROCK_METER_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": last if shell == "fish" else str(len(line.split())),
    }
    done = subprocess.run(
        BEDROCK_METER, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_commands_of_files_and_of_groups_are_found() -> None:
    assert {("meter",), ("price-updates",), ("prepare", "deploy")} <= set(COMMANDS)


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_lists_every_option_and_describes_the_command(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*names, "--help") == 0
    printed = capsys.readouterr().out
    command = find_command(names)
    assert command.get_short_help_str(200).rstrip(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(option in printed for option in parameter.opts)
            assert parameter.help
        else:
            assert str(parameter.metavar or parameter.name).lower() in printed.lower()


def test_the_command_list_shows_whole_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("--help") == 0
    listed = capsys.readouterr().out.partition("Commands:")[2]
    assert {line.split()[0] for line in listed.splitlines() if line} == {
        names[0] for names in COMMANDS
    }
    assert "..." not in listed


@pytest.mark.parametrize("arguments", ["--help", "meter --help", "doctor --help", "demo --help"])
def test_help_imports_no_slow_modules(arguments: str) -> None:
    program = (
        "import sys; from dashboards.command_line import main\n"
        f"try: main({arguments.split()!r})\n"
        f"except SystemExit: print(*[name for name in {SLOW_PACKAGES!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"Usage: {NAME}")
    assert done.stdout.splitlines()[-1] == ""


def test_help_of_a_command_imports_no_other_command() -> None:
    program = (
        "import sys; from dashboards.command_line import main\n"
        "try: main(['meter', '--help'])\n"
        "except SystemExit: print(*sorted(name for name in sys.modules if '.commands.' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "dashboards.command_line.commands.meter"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["metre"], "bedrock-meter: No such command 'metre'. Did you mean 'meter'?"),
        (["prepare", "deplyo"], "prepare: No such command 'deplyo'. Did you mean"),
        (["meter", "--outt", "x", "y"], "meter: No such option '--outt'. Did you mean '--out'?"),
        (["doctor", "all"], "doctor: Got unexpected extra argument (all). See"),
        (["--metre"], "bedrock-meter: No such option '--metre'."),
        (["meter", "--out"], "meter: Option '--out' requires an argument. See"),
        (["completion"], "completion: Missing argument '{bash|fish|zsh}'. Choose from: bash, fish"),
        (
            ["cost", "--calls", "1e9"],
            "cost: Invalid value for '--calls': '1e9' is not a whole number from 0 to 10",
        ),
        (
            ["preview", "--port", "0"],
            "preview: Invalid value for '--port': 0 is not a whole number from 1 to 65535.",
        ),
        (
            ["cost", *("--calls", "9" * 13, "--identities", "1", "--models", "1")],
            "cost: Invalid value for '--calls': 9999999999999 is not a whole number from 0 to",
        ),
        ([*COST[:-1], "-5"], "cost: Invalid value for '--models': -5 is not a whole number from"),
        ([*COST[:-1], "0"], "cost: --models 0 cannot be with --calls 10: give 1 or more."),
        ([*COST, "--projects", "0"], "cost: --projects 0 cannot be with --calls 10: give 1"),
        (["meter", "--top", "", "x"], "meter: Invalid value for '--top': '' is not a whole number"),
        (["meter", ""], "meter: Invalid value for 'LOGS...': the path is empty."),
        (["meter", "--out", "", "x"], "meter: Invalid value for '--out': the path is empty."),
    ],
)
def test_wrong_arguments_are_refused_in_one_line_with_a_hint_to_the_help(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
    assert f"{NAME} " in line
    assert "--help" in line


@pytest.mark.parametrize("arguments", [[], ["prepare"]], ids=["bedrock-meter", "prepare"])
def test_a_group_without_a_command_prints_its_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"Usage: {' '.join([NAME, *arguments])} ")
    assert "Commands:\n" in printed


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("--version") == 0
    assert capsys.readouterr().out == f"{NAME}, version {version(NAME)}\n"


def test_usage_marks_optional_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("preview", "--help") == 0
    assert "[OPTIONS] [LOGS]...\n" in capsys.readouterr().out
    assert run_command("meter", "--help") == 0
    assert "[OPTIONS] LOGS...\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "--from", "2026-02-01", "--to", "2026-01-01"], "--from has to be before --to"),
        (["price-updates", "--supersede", "x"], "give the reason: --supersede EDITION --reason"),
        (["price-updates", "--reason", "x"], "--reason needs --supersede EDITION"),
        (["price-updates", "--accept", "a", "--check"], "use only one of --accept, --reject"),
        *(
            (["prepare", name, "-c", "nosuch=1"], "The configuration is invalid")
            for name in ("bootstrap", "deploy", "destroy", "synth", "verify-account")
        ),
        (["prepare", "synth", "metric_detail=full"], "metric_detail=full needs -c before it: SET="),
        (
            ["prepare", "deploy", "--quiet", "-c", "metric_detail=full", "a", "log_content=true"],
            'log_content=true needs -c before it: SET="-c log_content=true"',
        ),
        (
            ["prepare", "destroy"],
            "there is no terminal to ask for a confirmation: run make destroy",
        ),
        ([*COST, "--unpriced", "11"], "--unpriced 11 is more than --calls 10"),
        ([*COST, "-c", "nosuch=1"], "The configuration is invalid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_are_checked_before_aws_is_called(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*arguments) == 2
    name = arguments[1] if arguments[0] == "prepare" else arguments[0]
    assert capsys.readouterr().err.startswith(f"{name}: {message}")


@pytest.mark.parametrize(
    ("arguments", "is_explained"),
    [([], True), (["--require-approval", "never"], False), (["--yes"], False)],
)
def test_a_deployment_without_a_terminal_explains_how_to_approve_it(
    arguments: list[str], is_explained: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    explain_deploy_approval(arguments)
    explanation = 'make deploy SET="--require-approval never"'
    assert (explanation in capsys.readouterr().out) is is_explained


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion_of_each_shell_is_printed(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("completion", shell) == 0
    printed = capsys.readouterr().out
    assert NAME in printed
    assert f"_BEDROCK_METER_COMPLETE={shell}_complete" in printed


def test_commands_and_options_are_completed() -> None:
    assert "price-updates" in complete("fish", f"{NAME} pri", "pri")
    assert "--out" in complete("fish", f"{NAME} meter --o", "--o")
    assert "destroy" in complete("fish", f"{NAME} prepare des", "des")
    assert complete("fish", f"{NAME} nothing --o", "--o").strip() == ""


@pytest.mark.parametrize(
    "arguments",
    [
        *(["doctor"], ["price-updates"], ["purge"], ["redrive"], ["reprice"]),
        ["test-notification"],
        ["replay", "--from", "2026-01-31", "--to", "2026-02-01T08:00+01:00"],
        *(["prepare", name, "--force"] for name in ("bootstrap", "deploy", "destroy")),
    ],
    ids=" ".join,
)
def test_commands_in_an_account_need_a_region(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(*arguments) == 2
    name = arguments[1] if arguments[0] == "prepare" else arguments[0]
    assert capsys.readouterr().err.startswith(f"{name}: no Region is configured")


def test_a_region_that_aws_does_not_have_is_named_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-9")
    assert run_command("doctor") == 2
    assert capsys.readouterr().err == (
        "doctor: correct AWS_REGION or the profile's Region: us-east-9 is not an AWS Region; did"
        " you mean us-east-1 or us-east-2?\n"
    )


def test_the_console_script_is_installed_and_runs_from_any_folder(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name(NAME)
    done = subprocess.run(
        [script, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "test-notification" in done.stdout
