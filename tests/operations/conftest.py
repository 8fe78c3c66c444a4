"""Additions to moto for commands that look at an account."""

import json

import pytest
from moto.logs.responses import LogsResponse


@pytest.fixture(autouse=True)
def account_policies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The account's policies for logs, which moto does not know, and no transformers."""
    policies: list[dict[str, str]] = []

    def describe(request: LogsResponse) -> str:
        kind = json.loads(request.body)["policyType"]
        found = [policy for policy in policies if policy["policyType"] == kind]
        return json.dumps({"accountPolicies": found})

    monkeypatch.setattr(LogsResponse, "describe_account_policies", describe, raising=False)
    monkeypatch.setattr(LogsResponse, "get_transformer", lambda _: "{}", raising=False)
    return policies


@pytest.fixture(autouse=True)
def data_protection(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The data protection policies of log groups, by name, which moto does not know."""
    policies: dict[str, str] = {}

    def get(request: LogsResponse) -> str:
        name = json.loads(request.body)["logGroupIdentifier"]
        return json.dumps({"policyDocument": policies[name]} if name in policies else {})

    monkeypatch.setattr(LogsResponse, "get_data_protection_policy", get, raising=False)
    return policies
