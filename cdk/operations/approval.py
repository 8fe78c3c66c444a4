"""Explains, before the CDK starts, how to answer its questions without a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cdk.operations.terminal import CommandError

_ANSWER_ALL = ("--yes", "-y")
_FORCE = ("--force", "-f", *_ANSWER_ALL)
_APPROVE = ("--require-approval", *_ANSWER_ALL)


def require_destroy_answer(arguments: Sequence[str]) -> None:
    """Require an answer to whether the stacks are to be removed.

    Args:
        arguments: The arguments of the CDK's command line.

    Raises:
        CommandError: They hold no answer, and there is no terminal to ask for one.
    """
    if not sys.stdout.isatty() and not _has_option(arguments, _FORCE):
        message = 'there is no terminal to ask for a confirmation: run make destroy SET="--force".'
        raise CommandError(message)


def explain_deploy_approval(arguments: Sequence[str]) -> None:
    """Explain how to approve changes of privileges in advance if there is no terminal to ask."""
    if not sys.stdout.isatty() and not _has_option(arguments, _APPROVE):
        print(
            "There is no terminal: the CDK stops if privileges grow and you have not approved it."
            ' To approve in advance, run make deploy SET="--require-approval never".'
        )


def _has_option(arguments: Sequence[str], names: Sequence[str]) -> bool:
    return any(argument.partition("=")[0] in names for argument in arguments)
