"""Log events reach a subscribed function in order, one delivery at a time, and are not lost.

MiniStack starts a thread (and a worker process) for each `PutLogEvents`, and drops a delivery at
the first error. CloudWatch Logs calls functions asynchronously: failures are retried, and in the
end go to the function's failure destination.
"""

from __future__ import annotations

import base64
import gzip
import json
import queue
import threading
import uuid
from contextvars import Context, copy_context
from functools import cache
from typing import Any, TypeAlias

from ministack.core.responses import get_account_id
from ministack.services import cloudwatch_logs, lambda_svc

Delivery: TypeAlias = dict[str, Any]

_MAX_ATTEMPTS = (
    3  # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
)


def install() -> None:
    """Add it."""
    cloudwatch_logs._fanout_to_subscription_filters = _fan_out


def _fan_out(group: str, stream: str, events: list[dict[str, Any]]) -> None:
    subscriptions = cloudwatch_logs._log_groups.get(group, {}).get("subscriptionFilters") or {}
    for subscription in subscriptions.values():
        matching = [
            event
            for event in events or ()
            if cloudwatch_logs._subscription_pattern_matches(
                subscription.get("filterPattern", ""), event.get("message", "")
            )
        ]
        function = subscription.get("destinationArn", "").partition(":function:")[2].split(":")[0]
        if not matching or not function:
            continue
        envelope = {
            "messageType": "DATA_MESSAGE",
            "owner": get_account_id(),
            "logGroup": group,
            "logStream": stream,
            "subscriptionFilters": [subscription.get("filterName", "")],
            "logEvents": [
                {
                    "id": uuid.uuid4().hex,
                    "timestamp": event["timestamp"],
                    "message": event["message"],
                }
                for event in matching
            ],
        }
        data = base64.b64encode(gzip.compress(json.dumps(envelope).encode())).decode()
        waiting = _get_queue(get_account_id(), function)
        waiting.put((copy_context(), {"awslogs": {"data": data}}))


@cache
def _get_queue(_account: str, function: str) -> queue.Queue[tuple[Context, Delivery]]:
    """Get the queue of a function's deliveries; the first use starts the thread that empties it.

    MiniStack finds the account of a request in the context of its thread.
    """
    deliveries: queue.Queue[tuple[Context, Delivery]] = queue.Queue()

    def work() -> None:
        while True:
            context, delivery = deliveries.get()
            context.run(_deliver, function, delivery)

    threading.Thread(target=work, daemon=True).start()
    return deliveries


def _deliver(function: str, delivery: Delivery) -> None:
    record = lambda_svc._functions.get(function)
    if record is None:  # it was deleted meanwhile
        return
    for _ in range(_MAX_ATTEMPTS):
        result = lambda_svc._execute_function_with_config_scope(record, delivery)
        if not result.get("error"):
            return
    of_versions = record.get("event_invoke_configs") or {}
    config = record.get("event_invoke_config") or of_versions.get("$LATEST") or {}
    target = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if target:
        lambda_svc._route_async_failure(target, function, delivery, result)
