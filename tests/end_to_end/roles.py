"""The roles of deployed functions, from which tests take a grant for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.end_to_end.deployed import Deployed

Statements = list[dict[str, Any]]


class Role:
    """The role of a function.

    Attributes:
        statements: Those of its policy, as they were deployed.
    """

    def __init__(self, deployed: Deployed, function: str) -> None:
        self._iam = deployed.cloud.client("iam")
        described = deployed.cloud.client("lambda").get_function_configuration(
            FunctionName=function
        )
        self._name = described["Role"].split("/")[-1]
        (self._policy,) = self._iam.list_role_policies(RoleName=self._name)["PolicyNames"]
        self._document: dict[str, Any] = self._iam.get_role_policy(
            RoleName=self._name, PolicyName=self._policy
        )["PolicyDocument"]
        self.statements: Statements = self._document["Statement"]

    def without(self, action: str) -> Statements:
        """The statements with one action less."""
        left = []
        for statement in self.statements:
            actions = statement["Action"]
            kept = [
                other
                for other in ([actions] if isinstance(actions, str) else actions)
                if other != action
            ]
            if kept:
                left.append({**statement, "Action": kept})
        assert left != self.statements, f"{action} is not granted"
        return left

    def replacing(self, granted: str, other: str) -> Statements:
        """The statements with one text in place of another."""
        text = json.dumps(self.statements)
        assert granted in text
        replaced: Statements = json.loads(text.replace(granted, other))
        return replaced

    def unconditioned(self) -> Statements:
        """The statements that allow something, without their conditions."""
        return [
            {key: value for key, value in statement.items() if key != "Condition"}
            for statement in self.statements
            if statement["Effect"] == "Allow"
        ]

    @contextmanager
    def unbounded(self) -> Iterator[None]:
        """Take its permissions boundary away; it has it again afterwards."""
        boundary = self._iam.get_role(RoleName=self._name)["Role"]["PermissionsBoundary"]
        self._iam.delete_role_permissions_boundary(RoleName=self._name)
        try:
            yield
        finally:
            self._iam.put_role_permissions_boundary(
                RoleName=self._name, PermissionsBoundary=boundary["PermissionsBoundaryArn"]
            )

    @contextmanager
    def having(self, statements: Statements) -> Iterator[None]:
        """Give it other statements; it has its own again afterwards."""
        self._put(statements)
        try:
            yield
        finally:
            self._put(self.statements)

    def _put(self, statements: Statements) -> None:
        document = json.dumps({**self._document, "Statement": statements})
        self._iam.put_role_policy(
            RoleName=self._name, PolicyName=self._policy, PolicyDocument=document
        )


@contextmanager
def restarting(deployed: Deployed, function: str, note: str) -> Iterator[None]:
    """Restart a function, whose processes keep what they read; it has its own settings afterwards.

    The watcher compares the variables, so that they are put back.
    """
    functions = deployed.cloud.client("lambda")
    deployed_environment = functions.get_function_configuration(FunctionName=function)[
        "Environment"
    ]
    changed = {"Variables": {**deployed_environment["Variables"], "NOTE": note}}
    functions.update_function_configuration(FunctionName=function, Environment=changed)
    try:
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=function, Environment=deployed_environment
        )


def works(deployed: Deployed, function: str, event: Mapping[str, Any]) -> bool:
    """Start a function; returns True if it handles the event, and each record in it."""
    response = deployed.cloud.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps(event).encode()
    )
    answer = json.loads(response["Payload"].read() or b"null")
    return "FunctionError" not in response and not (answer or {}).get("batchItemFailures")
