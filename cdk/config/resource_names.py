"""The prefixes of names, by which commands and grants find deployed resources."""

from __future__ import annotations

from cdk.config import stack_names

NAME_PREFIX = f"{stack_names.PREFIX}-"
"""The prefix of the names of stacks and their resources."""
FAILURES_PREFIX = "aws/lambda/"
"""The prefix of the names that Lambda gives to failed events."""
