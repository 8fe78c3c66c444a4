"""Policies that deny single sessions of a role: how they are packed, written and read."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.brake.denied_actions import deny_in_region
from lambdas.domain.brake.targets import PrincipalTarget
from lambdas.domain.times import write_seconds

MAX_POLICY_LETTERS = 6_144
"""The letters of a managed policy, without white space.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
MAX_POLICIES = 2
"""The policies of a role. It has ten places for all its policies, unless a quota was raised."""
_POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_NAME_END = re.compile(r"(?P<role>.+)-(?P<number>[0-9]+)")
NO_PLACE = MAX_POLICIES + 1
"""The place of a session that no policy denies now."""


class InvalidPolicyNameError(Exception):
    """IAM does not take the name that a policy would have. The text has it."""


@dataclass(frozen=True, slots=True)
class SessionPolicyNames:
    """The names and the path of the policies of one meter in one Region.

    Attributes:
        meter: The name of the meter.
        region: The Region.
    """

    meter: str
    region: str

    @property
    def path(self) -> str:
        """The path, below which the meter may write policies."""
        return f"/bedrock-meter/{self.region}/"

    def make_name(self, role_name: str, number: int) -> str:
        """Make the name of a policy. Names are unique in an account, whatever their path.

        Args:
            role_name: The name of the role.
            number: The number of the policy, from 1 on.

        Raises:
            InvalidPolicyNameError: IAM does not take it.
        """
        name = f"{self.prefix}{role_name}-{number}"
        if not _POLICY_NAME.fullmatch(name):
            raise InvalidPolicyNameError(name)
        return name

    def read_role_name(self, name: str) -> str | None:
        """Read the name of the role from that of a policy; `None` if it is of another meter."""
        match = _NAME_END.fullmatch(name.removeprefix(self.prefix))
        if match is None or not name.startswith(self.prefix):
            return None
        return match["role"]

    @staticmethod
    def read_number(name: str) -> int:
        """Read the number from the name of a policy of the meter."""
        return int(name.rpartition("-")[2])

    @property
    def prefix(self) -> str:
        """The beginning of the names of all policies of the meter."""
        return f"{self.meter}-{self.region}-sessions-"


class DeniedSession(NamedTuple):
    """A session that a policy denies.

    Attributes:
        session_name: The name of the session.
        until: The end of the deny.
        percent_used: The usage in percent of the amount, which compares budgets of different units.
        place: The number of the policy that denies it now.
    """

    session_name: str
    until: datetime
    percent_used: Decimal = Decimal(0)
    place: int = NO_PLACE


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A policy that denies sessions of a role.

    Attributes:
        name: The name.
        document: The document, as JSON without white space.
        session_names: The sessions.
    """

    name: str
    document: str
    session_names: tuple[str, ...]


class PolicyContent(NamedTuple):
    """The content of a policy.

    Attributes:
        role_id: The id of the role; another one after the role was deleted and made again.
        session_names: The sessions that it denies, or did until their end.
    """

    role_id: str
    session_names: frozenset[str]


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """The policies of a role.

    Attributes:
        policies: The policies, at most `MAX_POLICIES`.
        overflow: The names of sessions that no policy has room for.
    """

    policies: tuple[SessionPolicy, ...] = ()
    overflow: tuple[str, ...] = ()


def plan_session_policies(
    role: PrincipalTarget,
    role_id: str,
    sessions: Sequence[DeniedSession],
    names: SessionPolicyNames,
) -> SessionPlan:
    """Pack the denied sessions of a role into policies.

    Those that are denied keep their places. Otherwise those without room would overtake them, since
    their usage goes on. Of the others, those with the most usage come first. A new one is put where
    its end has a statement already, if there is room.

    Args:
        role: The role.
        role_id: The unique id of the role.
        sessions: The sessions, each once.
        names: The names of policies.

    Raises:
        InvalidPolicyNameError: IAM does not take the name of a policy.
    """
    packed: dict[int, list[DeniedSession]] = {number: [] for number in range(1, MAX_POLICIES + 1)}
    overflow = []
    for session in sorted(sessions, key=_rank):
        for number in _order_places(session, packed):
            if _fits(role_id, [*packed[number], session], names.region):
                packed[number].append(session)
                break
        else:
            overflow.append(session.session_name)
    policies = tuple(
        SessionPolicy(
            names.make_name(role.name, number),
            write_document(role_id, content, names.region),
            tuple(session.session_name for session in content),
        )
        for number, content in packed.items()
        if content
    )
    return SessionPlan(policies, tuple(overflow))


def write_document(role_id: str, sessions: Sequence[DeniedSession], region: str) -> str:
    """Write the document of a policy. Each statement ends by itself.

    `aws:userid` of a session is the id of its role, a colon and its name. It is compared letter by
    letter: `StringEquals` knows no wildcards, and names of sessions hold no `$`.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    by_end: defaultdict[datetime, list[str]] = defaultdict(list)
    for session in sessions:
        by_end[session.until].append(f"{role_id}:{session.session_name}")
    statements = []
    for end, user_ids in sorted(by_end.items()):
        statement = deny_in_region(region)
        statement["Condition"]["StringEquals"]["aws:userid"] = sorted(user_ids)
        statement["Condition"]["DateLessThan"] = {"aws:CurrentTime": write_seconds(end)}
        statements.append(statement)
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def read_document(document: str, region: str) -> PolicyContent | None:
    """Read a document that `write_document` wrote; `None` if someone else has changed it."""
    found, role_id = [], ""
    try:
        for statement in json.loads(document)["Statement"]:
            condition = statement["Condition"]
            end = datetime.fromisoformat(condition["DateLessThan"]["aws:CurrentTime"])
            for user_id in condition["StringEquals"]["aws:userid"]:
                role_id, _, session_name = user_id.partition(":")
                found.append(DeniedSession(session_name, end))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if not is_same_document(document, write_document(role_id, found, region)):
        return None
    return PolicyContent(role_id, frozenset(session.session_name for session in found))


def is_same_document(one: str, other: str) -> bool:
    """Say if two documents have the same content, however they are written."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def _rank(session: DeniedSession) -> tuple[int, Decimal, str]:
    return session.place, -session.percent_used, session.session_name


def _order_places(
    session: DeniedSession, packed: Mapping[int, Sequence[DeniedSession]]
) -> list[int]:
    """Order the numbers of policies: that which has the session, then one with its end."""
    return sorted(
        packed,
        key=lambda number: (
            number != session.place,
            all(other.until != session.until for other in packed[number]),
            number,
        ),
    )


def _fits(role_id: str, sessions: Sequence[DeniedSession], region: str) -> bool:
    return len(write_document(role_id, sessions, region)) <= MAX_POLICY_LETTERS
