"""Runs the command that was named, and reports in one line why one cannot be carried out."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import IO, Any, NoReturn

import click

from cdk.operations.terminal import CommandError, DamageError, IncompleteError, printable
from dashboards.command_line import commands

NAME = "bedrock-meter"
_EXIT_UNUSABLE = 2
_EXIT_INCOMPLETE = 3
_EXIT_DAMAGED = 4
_EXIT_INTERRUPTED = 130
_EXIT_TERMINATED = 143
_FAILED_WRITES = {errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}


class FailedCommand(click.ClickException):
    """A command could not be carried out."""

    exit_code = _EXIT_UNUSABLE

    def __init__(self, name: str | None, text: str, *details: str) -> None:
        """Explain with a line that starts with the command's name, and with lines of details."""
        super().__init__(f"{name}: {text}")
        self._details = details

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines, so that names in them cannot steer the terminal."""
        for line in (self.message, *self._details):
            click.echo(printable(line), file=file or sys.stderr)


class IncompleteCommand(FailedCommand):
    """A command has written its result, but its input lacks something."""

    exit_code = _EXIT_INCOMPLETE


class DamagedCommand(FailedCommand):
    """A command has found that what it verifies was tampered with."""

    exit_code = _EXIT_DAMAGED


class CommandGroup(click.Group):
    """Reports every failure of its commands in the same way.

    Attributes:
        is_named: True if messages about its commands start with its name too, where it is a
            command itself. False if its commands are those of make targets.
    """

    is_named = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's own options, and print its help if that is asked for."""
        with _explained_failures(self, ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the named command; exit with 2, 3 or 4 if it fails, with 130 if it is interrupted."""
        with _explained_failures(self, ctx):
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


class CommandFolder(CommandGroup):
    """The commands of the package `commands`. A command's file is read when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """List the names of all commands."""
        return sorted(module.name.replace("_", "-") for module in iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Read the file of a command.

        Raises:
            NoSuchCommand: There is no such file.
        """
        names = self.list_commands(ctx)
        if cmd_name not in names:
            if ctx.resilient_parsing:
                return None
            raise click.NoSuchCommand(cmd_name, possibilities=names, ctx=ctx)
        module = import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.command(
    cls=CommandFolder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name=NAME)
def bedrock_meter() -> None:
    """See who spends Amazon Bedrock tokens, on which models, and what it costs.

    Most commands have a make target of the same name, which also installs what they need.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit.

    Args:
        arguments: The command's name and its arguments; `None` for those of this process.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the shell closed it
            sink = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for good
            setattr(sys, name, sink)
    with _cleanup_on_termination():
        bedrock_meter.main(arguments, NAME)


@contextmanager
def _cleanup_on_termination() -> Iterator[None]:
    """End as after Ctrl+C when the process is asked to: files in the temporary folder go."""
    if threading.current_thread() is not threading.main_thread():  # it alone handles signals
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(_EXIT_TERMINATED)


@contextmanager
def _explained_failures(group: CommandGroup, ctx: click.Context) -> Iterator[None]:
    """Turn every failure into lines that start with a command's name, and an exit code.

    Help for lack of arguments stays as it is, and so does output that its reader has closed.
    """
    try:
        yield
    except (click.exceptions.NoArgsIsHelpError, BrokenPipeError):
        raise
    except click.UsageError as error:
        raise _explain_usage(error, group, ctx) from None
    except IncompleteError as error:
        raise IncompleteCommand(_name(group, ctx), str(error), *error.details) from error
    except DamageError as error:
        raise DamagedCommand(_name(group, ctx), str(error), *error.details) from error
    except CommandError as error:
        raise FailedCommand(_name(group, ctx), str(error), *error.details) from error
    except OSError as error:
        raise FailedCommand(_name(group, ctx), _explain_system(error)) from error
    except KeyboardInterrupt:
        ctx.exit(_EXIT_INTERRUPTED)


def _name(group: CommandGroup, ctx: click.Context) -> str | None:
    """Name the command that was called, or else the group."""
    name = ctx.invoked_subcommand
    if name and ctx.parent and group.is_named:
        return f"{ctx.info_name} {name}"
    return name or ctx.info_name


def _explain_usage(
    error: click.UsageError, group: CommandGroup, ctx: click.Context
) -> FailedCommand:
    """Explain what is wrong with the arguments, and name the make target's where there is one."""
    name = ctx.invoked_subcommand
    command = group.get_command(ctx, name) if name else None
    if error.ctx is not None:
        path, epilog = error.ctx.command_path, error.ctx.command.epilog
    elif command is not None:
        path, epilog = f"{ctx.command_path} {name}", command.epilog
    else:
        path, epilog = ctx.command_path, group.epilog
    problem = " ".join(error.format_message().split())
    if not problem.endswith((".", "?")):
        problem += "."
    text = " ".join([problem, f"See {path} --help.", epilog or ""])
    return FailedCommand(_name(group, ctx), text.rstrip())


def _explain_system(error: OSError) -> str:
    """Explain what the operating system refused, and let nothing more be written if it is full."""
    if error.errno in _FAILED_WRITES and error.filename is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return f"cannot write: {error.strerror}."
    reason = f"{error.strerror or error}."
    return reason if error.filename is None else f"{os.fsdecode(error.filename)}: {reason}"
