"""Runs the command that was named, and reports in one line why one cannot be carried out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import IO, Any, NoReturn

import click

from cdk.operations.terminal import CommandError, printable
from dashboards.command_line import commands

NAME = "bedrock-meter"
_EXIT_UNUSABLE = 2
_EXIT_INTERRUPTED = 130


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


class CommandGroup(click.Group):
    """Reports every failure of its commands in the same way."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the named command; exit with 2 if it fails, and with 130 if it is interrupted."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _explain_usage(error, ctx) from None
        except CommandError as error:
            raise FailedCommand(ctx.invoked_subcommand, str(error), *error.details) from error
        except OSError as error:  # standard output is full or gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            text = f"cannot write: {error.strerror}."
            raise FailedCommand(ctx.invoked_subcommand, text) from error
        except KeyboardInterrupt:
            ctx.exit(_EXIT_INTERRUPTED)


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
def bedrock_meter() -> None:
    """See who spends Amazon Bedrock tokens, on which models, and what it costs.

    Most commands have a make target of the same name, which also installs what they need.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit.

    Args:
        arguments: The command's name and its arguments; `None` for those of this process.
    """
    bedrock_meter.main(arguments, NAME)


def _explain_usage(error: click.UsageError, group: click.Context) -> FailedCommand:
    """Explain what is wrong with the arguments, and name the make target's where there is one."""
    name = group.invoked_subcommand or group.info_name
    hints = []
    if error.ctx is not None:
        hints = [f"See {error.ctx.command_path} --help.", error.ctx.command.epilog or ""]
    return FailedCommand(name, " ".join([error.format_message(), *hints]).rstrip())
