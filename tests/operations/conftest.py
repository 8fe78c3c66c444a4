"""Additions to moto for commands that look at an account."""

import json

import pytest
from moto.logs.responses import LogsResponse


@pytest.fixture(autouse=True)
def account_policies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The account's policies for logs, and no policies of log groups, which moto does not know."""
    policies: list[dict[str, str]] = []

    def describe(request: LogsResponse) -> str:
        kind = json.loads(request.body)["policyType"]
        found = [policy for policy in policies if policy["policyType"] == kind]
        return json.dumps({"accountPolicies": found})

    monkeypatch.setattr(LogsResponse, "describe_account_policies", describe, raising=False)
    for action in ("get_data_protection_policy", "get_transformer"):
        monkeypatch.setattr(LogsResponse, action, lambda _: "{}", raising=False)
    return policies
