"""The places of the meter at which a bug can be planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdk.operations.redrive import Redrive
from tests.simulation.cloud.event_source import StreamMapping


class Plant:
    """No bug: every part stays as it is. Subclasses change one part."""

    redrive: type[Redrive] = Redrive

    def change_client(self, _function: str, client: Any) -> Any:
        """Change the client of DynamoDB of a function."""
        return client

    def change_service(self, _function: str, service: Any) -> Any:
        """Change the service of a function."""
        return service

    def change_mapping(self, mapping: StreamMapping) -> StreamMapping:
        """Change the mapping of a stream."""
        return mapping

    def call(self, _function: str, handle: Callable[[Any], Any], event: Any) -> Any:
        """Call the handler of a function with an event."""
        return handle(event)
