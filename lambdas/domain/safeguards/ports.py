"""The ports of the check of safeguards, and its report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lambdas.domain.logging_configuration import Drift
from lambdas.domain.safeguards.account_policies import AccountPolicy
from lambdas.domain.safeguards.alarms import MuteRule
from lambdas.domain.safeguards.deployed import DeployedStack
from lambdas.domain.safeguards.functions import Function
from lambdas.domain.safeguards.ledger import Table
from lambdas.domain.safeguards.log_policies import LogPolicies
from lambdas.domain.safeguards.starts import Rule
from lambdas.domain.safeguards.topic import Key, Topic


class NotReadableError(Exception):
    """AWS does not return the state of a resource.

    Attributes:
        code: The error code, without details of the request.
    """

    def __init__(self, code: str, text: str | None = None) -> None:
        """Make the error from a code, and a longer text if there is one."""
        super().__init__(text or code)
        self.code = code


@dataclass(frozen=True, slots=True)
class SafeguardReport:
    """The result of a check.

    Attributes:
        drifts: The drift.
        names: The names of what was deployed, by which changes of it are recognized.
    """

    drifts: tuple[Drift, ...]
    names: frozenset[str]


class Safeguards(Protocol):
    """Alarms, notifications, logs and functions of the meter."""

    def check(self, now: datetime) -> SafeguardReport:
        """Compare everything with what was deployed."""


class DeployedStacks(Protocol):
    """The meter's stacks, as CloudFormation knows them."""

    def read(self) -> list[DeployedStack]:
        """Read all of them; raise `NotReadableError` where that is denied."""


class Alarms(Protocol):
    """Alarms of the account."""

    def read(self) -> Mapping[str, Mapping[str, Any]]:
        """The meter's alarms, by name."""

    def read_mute_rules(self) -> list[MuteRule]:
        """Rules that mute alarms now or later."""


class Topics(Protocol):
    """Topics of the account."""

    def get(self, arn: str, endpoints: Collection[str]) -> Topic | None:
        """Find a topic with its subscriptions; `None` if the topic is gone.

        Args:
            arn: The topic.
            endpoints: The addresses whose subscriptions are read in full. Those of other accounts
                cannot be.
        """


class Keys(Protocol):
    """Customer keys of the account."""

    def get(self, key_id: str) -> Key | None:
        """Get a key with its policy; `None` if the key is gone."""


class LogSettings(Protocol):
    """Settings of CloudWatch Logs."""

    def read(self, log_group: str) -> LogPolicies | None:
        """Read the policies of a log group; `None` if the log group is gone."""

    def read_account_policies(self, kind: str) -> list[AccountPolicy]:
        """The account's policies of one kind; empty where the Region does not know the kind."""

    def read_groups(self, names: Collection[str]) -> Mapping[str, int | None]:
        """Retention of log groups in days, by name: of these at least, as far as they exist."""


class Rules(Protocol):
    """Rules of EventBridge."""

    def read(self, names: Collection[str]) -> Mapping[str, Rule]:
        """Those of the named rules that exist."""


class Tables(Protocol):
    """Tables of DynamoDB."""

    def read(self, names: Collection[str]) -> Mapping[str, Table]:
        """Those of the named tables that exist."""


class Functions(Protocol):
    """Lambda functions and what starts them."""

    def read(self, names: Collection[str]) -> Mapping[str, Function]:
        """Those of the named functions that exist."""

    def read_mappings(self, ids: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        """Those of the event source mappings that exist."""
