"""The prefixes of names, by which commands and grants find deployed resources."""

from __future__ import annotations

from cdk.config import stack_names

NAME_PREFIX = f"{stack_names.PREFIX}-"
"""The prefix of the names of stacks and their resources."""
HEALTH_ALARM_PREFIX = f"{NAME_PREFIX}Health-"
"""The prefix of the names of health alarms."""
FAILURES_PREFIX = "aws/lambda/"
"""The prefix of the names that Lambda gives to failed events."""
