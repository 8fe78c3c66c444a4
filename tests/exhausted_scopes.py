"""The scopes whose credits are exhausted, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.domain.credits import ExhaustedScope


class MemoryExhaustedScopes:
    """Stores exhausted scopes by their keys."""

    def __init__(self, *exhausted: ExhaustedScope) -> None:
        self._stored = {scope.key: scope for scope in exhausted}

    def list_exhausted(self) -> Sequence[ExhaustedScope]:
        """List them by their keys."""
        return [self._stored[key] for key in sorted(self._stored)]

    def replace(self, exhausted: Sequence[ExhaustedScope]) -> None:
        """Store these and no other. A scope that is stored already stays as it is."""
        self._stored = {scope.key: self._stored.get(scope.key, scope) for scope in exhausted}
