"""Policies as people write them, and what admission by policies needs, in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.domain.bedrock_calls import BedrockOperation, BedrockPath, CallNeed, GatewayCall
from lambdas.domain.calls import CallPrices
from lambdas.domain.limit_policies import (
    AdmissionReport,
    NearMark,
    PoliciesChangedError,
    PoliciesUnavailableError,
    PolicyChange,
    PolicySet,
    SettlementReport,
    StoredPolicies,
)
from lambdas.domain.pricing import Pricing, shipped_prices
from lambdas.services.limit_calls import LimitAdmitter, PolicyAdmission
from lambdas.wiring.limit_policies_file import read_policies
from tests.gateway import KEY, MODEL, REGION

PER_MINUTE: dict[str, Any] = {"unit": "total", "amount": 1000, "per": "60s"}
PRICES = CallPrices(lambda: Pricing(shipped_prices()), REGION)


def policy(name: str = "tokens", **changes: Any) -> dict[str, Any]:
    """A policy of 1,000 tokens a minute, counted by caller."""
    return {"name": name, "partition_by": "caller", "limits": [PER_MINUTE]} | changes


def read(*policies: dict[str, Any], **others: Any) -> PolicySet:
    """Read policies as a file has them."""
    return read_policies(json.dumps({"policies": policies} | others)).policies


def path(
    model: str = MODEL, operation: BedrockOperation = BedrockOperation.CONVERSE
) -> BedrockPath:
    return BedrockPath(operation, model)


def call(input_tokens: int = 60, output_tokens: int = 40, **changes: Any) -> GatewayCall:
    """A call of Ana's that needs 100 tokens."""
    need = CallNeed(input_tokens, output_tokens, is_certain=True)
    return GatewayCall(KEY, path(), need)._replace(**changes)


@dataclass
class FixedPolicies:
    """Policies that are as they are; `None` while they cannot be read."""

    policies: PolicySet | None

    def get(self, now: datetime) -> PolicySet:  # noqa: ARG002  # the port's signature
        if self.policies is None:
            raise PoliciesUnavailableError
        return self.policies


class InMemoryPolicies:
    """Stored policies in an attribute."""

    def __init__(self) -> None:
        self.stored = StoredPolicies()
        self.changes: list[PolicyChange] = []

    def read(self) -> StoredPolicies:
        return self.stored

    def write(self, change: PolicyChange, at: datetime) -> int:  # noqa: ARG002
        if change.revision != self.stored.revision:
            raise PoliciesChangedError
        self.stored = StoredPolicies(change.text, change.revision + 1)
        self.changes.append(change)
        return self.stored.revision


@dataclass
class InMemoryMarks:
    """Marks in a set."""

    reported: dict[str, NearMark] = field(default_factory=dict)

    def report(self, marks: Sequence[NearMark], at: datetime) -> int:  # noqa: ARG002
        new = {mark.id: mark for mark in marks if mark.id not in self.reported}
        self.reported |= new
        return len(new)


@dataclass
class RecordedReports:
    """Everything that was reported, in order."""

    admissions: list[AdmissionReport] = field(default_factory=list)
    settlements: list[SettlementReport] = field(default_factory=list)

    def report_admission(self, report: AdmissionReport) -> None:
        self.admissions.append(report)

    def report_settlement(self, report: SettlementReport) -> None:
        self.settlements.append(report)


def make_admission(policies: PolicySet | None, admitter: LimitAdmitter) -> PolicyAdmission:
    """Admission by some policies."""
    return PolicyAdmission(
        FixedPolicies(policies), admitter, PRICES, InMemoryMarks(), RecordedReports()
    )
