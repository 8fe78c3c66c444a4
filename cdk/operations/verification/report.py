"""The report of a verification: one JSON document that can be attached to a bug report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version

from cdk.operations.verification.check import Result
from cdk.operations.verification.redaction import redact_values


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification.

    Attributes:
        region: The Region.
        started_at: The time of the start.
        seconds: The duration, removal included.
        estimated_usd: The most that it was expected to cost.
        is_interrupted: True if it was stopped before its end.
        results: The results of all checks that ran.
        left: What could not be removed.
        names: The names of the caller, which the report must not contain.
    """

    region: str
    started_at: datetime
    seconds: float
    estimated_usd: Decimal
    is_interrupted: bool
    results: Sequence[Result]
    left: Sequence[str]
    names: Sequence[str] = ()

    def to_json(self) -> str:
        """Write it without account ids and ARNs."""
        document = asdict(self) | {
            "version": version("bedrock-meter"),
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds),
            "estimated_usd": f"{self.estimated_usd:.2f}",
        }
        del document["names"]
        return json.dumps(redact_values(document, self.names), indent=2) + "\n"
