"""The beginnings of names, by which commands and grants find what is deployed."""

from __future__ import annotations

from cdk.config import stack_names

NAME_PREFIX = f"{stack_names.PREFIX}-"
"""The beginning of the names of stacks, and of what they deploy."""
HEALTH_ALARM_PREFIX = f"{NAME_PREFIX}Health-"
"""The beginning of the names of health alarms."""
FAILURES_PREFIX = "aws/lambda/"
"""The beginning of the names that Lambda gives to failed events."""
