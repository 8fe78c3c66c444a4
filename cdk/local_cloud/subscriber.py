"""Receives notifications as an HTTP endpoint that is subscribed to the topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from cdk.local_cloud.cloud import LocalCloud, LocalCloudError

_SECONDS_TO_CONFIRM = 90


@dataclass
class Subscriber:
    """An endpoint and the notifications that it received.

    Attributes:
        messages: The bodies of notifications, in order.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def open_subscriber(cloud: LocalCloud, topic: str) -> Iterator[Subscriber]:
    """Subscribe an endpoint on this machine to a topic, and confirm the subscription.

    Raises:
        LocalCloudError: The topic sent no request to confirm it.
    """
    subscriber, confirmed = Subscriber(), Event()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            if body["Type"] == "SubscriptionConfirmation":
                cloud.client("sns").confirm_subscription(
                    TopicArn=body["TopicArn"], Token=body["Token"]
                )
                confirmed.set()
            elif body["Type"] == "Notification":
                subscriber.messages.append(body)

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        cloud.client("sns").subscribe(
            TopicArn=topic,
            Protocol="http",
            Endpoint=f"http://127.0.0.1:{server.server_port}/",
        )
        try:
            if not confirmed.wait(_SECONDS_TO_CONFIRM):
                message = f"{topic} asked for no confirmation: try again."
                raise LocalCloudError(message)
            yield subscriber
        finally:
            server.shutdown()
