"""The console script `bedrock-meter`: one command per file of `commands`, see docs/commands.md."""

from dashboards.command_line.entry_point import main

__all__ = ["main"]
