"""The prefixes of names, by which commands and grants find deployed resources."""

from __future__ import annotations

from cdk.config import stack_names

NAME_PREFIX = f"{stack_names.PREFIX}-"
"""The prefix of the names of stacks and their resources."""
WEBHOOK_EVENTS = f"{stack_names.WEBHOOKS}-Events"
"""The queue of events that webhooks choose from, which topic and rule know by its name."""
WEBHOOK_DELIVERIES = f"{stack_names.WEBHOOKS}-Deliveries"
"""The queue of deliveries."""
DEAD_LETTERS = "-DeadLetters"
"""The end of the names of their dead-letter queues."""
WEBHOOK_ROUTER = "WebhookRouter"
"""The name of the function that adds deliveries, as its alarms call it."""
WEBHOOK_SENDER = "WebhookSender"
"""The name of the function that sends them, with which its role's name begins."""
FAILURES_PREFIX = "aws/lambda/"
"""The prefix of the names that Lambda gives to failed events."""
