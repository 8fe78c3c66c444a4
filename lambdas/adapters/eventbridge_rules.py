"""Rules of EventBridge, with their targets."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from lambdas.adapters.refusals import ignore_absent, refusal_as_not_readable
from lambdas.domain.safeguards.starts import Rule


class _Client(Protocol):
    """The methods of boto3's client that this module uses."""

    def describe_rule(self, *, Name: str) -> dict[str, Any]: ...  # noqa: N803  # as AWS has it

    def list_targets_by_rule(self, *, Rule: str) -> dict[str, Any]: ...  # noqa: N803  # likewise


class EventBridgeRules:
    """Reads rules of the default bus of one account and Region."""

    def __init__(self, client: _Client) -> None:
        """Read with an EventBridge client."""
        self._client = client

    def read(self, names: Collection[str]) -> Mapping[str, Rule]:
        """Those of the named rules that exist."""
        with refusal_as_not_readable():
            return {name: rule for name in names if (rule := self._find(name)) is not None}

    def _find(self, name: str) -> Rule | None:
        with ignore_absent():
            rule = self._client.describe_rule(Name=name)
            targets = self._client.list_targets_by_rule(Rule=name)["Targets"]  # five at most
            pattern = rule.get("EventPattern")
            return Rule(
                state=rule["State"],
                pattern=json.loads(pattern) if pattern else None,
                schedule=rule.get("ScheduleExpression") or None,
                targets=tuple(targets),
            )
        return None
