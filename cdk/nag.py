"""Runs cdk-nag over the app, and matches its findings with the acknowledgements of constructs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsii
from aws_cdk import (
    App,
    IPolicyValidationContext,
    IPolicyValidationPlugin,
    PolicyValidationPluginReport,
    PolicyViolatingResource,
    PolicyViolation,
    Stack,
    Validations,
)
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from cdk.components.acknowledgements import ACKNOWLEDGED

_PACK = "AwsSolutions-"


def check(app: App) -> None:
    """Fail synthesis on unacknowledged findings, and on acknowledgements without a finding."""
    Validations.of(app).add_plugins(_AcknowledgedChecks(app))


@dataclass(frozen=True, slots=True)
class _Acknowledgement:
    path: str
    rule: str
    reason: str

    def matches(self, rule: str, path: str) -> bool:
        return rule == self.rule and path.startswith(f"{self.path}/")


@jsii.implements(IPolicyValidationPlugin)
class _AcknowledgedChecks:
    """The rules of AwsSolutions, without the findings that constructs acknowledge.

    cdk-nag's own acknowledgements name a finding by the text of its resource, which has generated
    names in it. Here constructs pass the resource itself, which is resolved at this time.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._pack = AwsSolutionsChecks(app)

    @property
    def name(self) -> str:
        """The name of the plugin in reports."""
        return "cdk-nag"

    @property
    def version(self) -> str | None:
        """No version, which the CDK would report for its own statistics."""
        return None

    @property
    def rule_ids(self) -> list[str] | None:
        """No list of rules, which the CDK would report for its own statistics."""
        return None

    def validate(self, context: IPolicyValidationContext) -> PolicyValidationPluginReport:  # noqa: ARG002
        """Report findings without an acknowledgement, and acknowledgements without a finding."""
        acknowledgements = list(_acknowledgements(self._app))
        used = set[_Acknowledgement]()
        violations = []
        for violation in self._pack.validate_scope(self._app).violations:
            standing = []
            for resource in violation.violating_resources:
                path = str(resource.construct_path)
                found = {
                    acknowledgement
                    for acknowledgement in acknowledgements
                    if acknowledgement.matches(violation.rule_name, path)
                }
                used |= found
                if not found:
                    standing.append(resource)
            if standing:
                violations.append(_violation(violation, standing))
        violations += [
            _unused(acknowledgement)
            for acknowledgement in acknowledgements
            if acknowledgement not in used
        ]
        return PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(
    violation: PolicyViolation, resources: list[PolicyViolatingResource]
) -> PolicyViolation:
    return PolicyViolation(
        rule_name=violation.rule_name,
        description=violation.description,
        severity=violation.severity,
        violating_resources=resources,
    )


def _unused(acknowledgement: _Acknowledgement) -> PolicyViolation:
    return PolicyViolation(
        rule_name=acknowledgement.rule,
        description=f"Acknowledged, but not found: {acknowledgement.reason}",
        severity="error",
        violating_resources=[
            PolicyViolatingResource(construct_path=acknowledgement.path, locations=["Properties"])
        ],
    )


def _acknowledgements(app: App) -> Iterator[_Acknowledgement]:
    for construct in app.node.find_all():
        for entry in construct.node.metadata:
            if entry.type == ACKNOWLEDGED:
                yield _Acknowledgement(
                    construct.node.path, _finding(construct, entry.data), entry.data["reason"]
                )


def _finding(construct: IConstruct, data: Mapping[str, Any]) -> str:
    rule = f"{_PACK}{data['rule']}"
    if "kind" not in data:
        return rule
    return f"{rule}[{data['kind']}::{_flatten(Stack.of(construct).resolve(data['value']))}]"


def _flatten(value: Any) -> str:  # noqa: ANN401  # any intrinsic function
    """Write a resolved value as cdk-nag writes it in its findings."""
    match value:
        case str():
            return value.replace("${", "<").replace("}", ">")
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(map(_flatten, parts))
        case {"Fn::Sub": text} | {"Fn::ImportValue": text}:
            return _flatten(text)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{_flatten(resource)}.{_flatten(attribute)}>"
        case {"Ref": name}:
            return f"<{_flatten(name)}>"
    return json.dumps(value)
