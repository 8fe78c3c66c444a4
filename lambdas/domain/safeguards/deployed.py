"""Deployed values: the stacks' templates, with the names that CloudFormation gave to resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final


class _Unknown(Enum):
    """A value that only CloudFormation knows. It is never a difference."""

    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
_URL_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack, as CloudFormation lists it.

    Attributes:
        physical_id: The name, ARN or id that `Ref` returns.
        updated_at: The time at which CloudFormation last created or changed it.
    """

    physical_id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """One stack, as CloudFormation knows it.

    Attributes:
        stack_id: Its ARN.
        template: Its template.
        resources: Its resources, by logical id.
        exports: The values that it exports, by name.
    """

    stack_id: str
    template: Mapping[str, Any]
    resources: Mapping[str, StackResource]
    exports: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """A deployed resource.

    Attributes:
        kind: Its type, such as `AWS::CloudWatch::Alarm`.
        physical_id: The name, ARN or id that `Ref` returns.
        properties: Its properties; parts that only CloudFormation knows are `UNKNOWN`.
        updated_at: The time at which CloudFormation last created or changed it.
    """

    kind: str
    physical_id: str
    properties: Mapping[str, Any]
    updated_at: datetime


def read_resources(stacks: Iterable[DeployedStack]) -> tuple[DeployedResource, ...]:
    """Read all resources of the stacks, which may import values of each other.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
    """
    stacks = list(stacks)
    exports = {name: value for stack in stacks for name, value in stack.exports.items()}
    return tuple(resource for stack in stacks for resource in _Reader(stack, exports).read())


def list_resources(resources: Iterable[DeployedResource], kind: str) -> Iterator[DeployedResource]:
    """Resources of one type."""
    return (resource for resource in resources if resource.kind == kind)


def matches(deployed: object, live: object) -> bool:
    """Compare a deployed value with a live one; the order of lists and lists of one do not count.

    >>> matches({"Action": ["sns:Publish"]}, {"Action": "sns:Publish"})
    True
    """
    if deployed is UNKNOWN:
        return True
    if isinstance(deployed, Mapping) and isinstance(live, Mapping):
        return deployed.keys() == live.keys() and all(
            matches(value, live[name]) for name, value in deployed.items()
        )
    if _is_list(deployed) or _is_list(live):
        wanted, found = _as_list(deployed), _as_list(live)
        return len(wanted) == len(found) and (
            all(any(matches(one, other) for other in found) for one in wanted)
            and all(any(matches(one, other) for one in wanted) for other in found)
        )
    return deployed == live or _is_same_text(deployed, live)


def _is_same_text(deployed: object, live: object) -> bool:
    """Compare texts; CloudFormation returns a question mark for each letter beyond ASCII.

    Source: https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814
    """
    return (
        isinstance(deployed, str)
        and isinstance(live, str)
        and deployed == live.encode("ascii", "replace").decode()
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


class _Reader:
    """Reads the resources of one stack."""

    def __init__(self, stack: DeployedStack, exports: Mapping[str, str]) -> None:
        self._stack = stack
        self._exports = exports
        _, self._partition, _, self._region, self._account, name = stack.stack_id.split(":", 5)
        self._names = {
            "AWS::AccountId": self._account,
            "AWS::Partition": self._partition,
            "AWS::Region": self._region,
            "AWS::StackId": stack.stack_id,
            "AWS::StackName": name.split("/")[1],
            "AWS::URLSuffix": _URL_SUFFIXES.get(self._partition, "amazonaws.com"),
        }

    def read(self) -> Iterator[DeployedResource]:
        for logical_id, definition in self._stack.template["Resources"].items():
            if (resource := self._stack.resources.get(logical_id)) is not None:
                yield DeployedResource(
                    definition["Type"],
                    resource.physical_id,
                    {
                        name: self._value(value)
                        for name, value in definition.get("Properties", {}).items()
                    },
                    resource.updated_at,
                )

    def _value(self, value: object) -> object:
        match value:
            case {"Ref": str(name)}:
                return self._names.get(name) or self._physical_id(name)
            case {"Fn::ImportValue": str(name)}:
                return self._exports.get(name, UNKNOWN)
            case {"Fn::GetAtt": [str(logical_id), "Arn"]}:
                return self._arn(logical_id)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return self._join(separator, parts)
            case list() | dict():
                return self._parts(value)
        return value

    def _join(self, separator: str, parts: Iterable[object]) -> object:
        texts = [self._value(part) for part in parts]
        if UNKNOWN in texts:
            return UNKNOWN
        return separator.join(str(text) for text in texts)

    def _parts(self, value: list[object] | dict[str, object]) -> object:
        if isinstance(value, list):
            return [self._value(part) for part in value]
        if len(value) == 1 and next(iter(value)).startswith("Fn::"):
            return UNKNOWN
        return {name: self._value(part) for name, part in value.items()}

    def _physical_id(self, logical_id: str) -> object:
        resource = self._stack.resources.get(logical_id)
        return UNKNOWN if resource is None else resource.physical_id

    def _arn(self, logical_id: str) -> object:
        if (resource := self._stack.resources.get(logical_id)) is None:
            return UNKNOWN
        name = resource.physical_id
        match self._stack.template["Resources"][logical_id]["Type"]:
            case "AWS::Lambda::Function":
                return (
                    f"arn:{self._partition}:lambda:{self._region}:{self._account}:function:{name}"
                )
            case "AWS::IAM::Role":
                return f"arn:{self._partition}:iam::{self._account}:role/{name}"
            case "AWS::SQS::Queue":  # its physical id is its URL
                queue = name.rpartition("/")[2]
                return f"arn:{self._partition}:sqs:{self._region}:{self._account}:{queue}"
        return name if name.startswith("arn:") else UNKNOWN
