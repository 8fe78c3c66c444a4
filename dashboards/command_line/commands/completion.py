"""The command `completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for your shell.

    For bash: eval "$(bedrock-meter completion bash)"
    """
    root = ctx.find_root()
    name = str(root.info_name)
    completion = get_completion_class(shell)
    if completion is not None:
        variable = f"_{name.replace('-', '_')}_complete".upper()
        click.echo(completion(root.command, {}, name, variable).source())
