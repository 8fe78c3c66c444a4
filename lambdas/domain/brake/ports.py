"""Ports of the brake: IAM, and what it stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from lambdas.domain.alerts import Notice
from lambdas.domain.audit import AuditedChange
from lambdas.domain.brake.denies import Deny, Obstacle
from lambdas.domain.brake.events import BrakeEvent, EventDetail
from lambdas.domain.brake.releases import BrakeSwitch, Release
from lambdas.domain.brake.role_plans import StoredPolicy
from lambdas.domain.brake.targets import PrincipalTarget, RoleFacts


class ChangeRefusedError(Exception):
    """IAM did not make a change. The text says which, and why.

    Attributes:
        obstacle: The reason.
    """

    def __init__(self, obstacle: Obstacle, message: str) -> None:
        """Report the reason."""
        super().__init__(message)
        self.obstacle = obstacle


class DenyAttachments(Protocol):
    """The attachments of the fixed policy of this meter and Region. No other policy is touched."""

    def list_attached(self) -> Collection[PrincipalTarget]:
        """List the roles, users and groups that the policy is attached to, as IAM has it now.

        Raises:
            ChangeRefusedError: IAM did not answer. An empty list means that none is attached.
        """

    def attach(self, target: PrincipalTarget) -> None:
        """Attach the policy; to repeat it changes nothing.

        Raises:
            ChangeRefusedError: It is not attached.
        """

    def detach(self, target: PrincipalTarget) -> bool:
        """Detach the policy; to repeat it changes nothing.

        Returns:
            False if it was not attached, or if the principal does not exist.

        Raises:
            ChangeRefusedError: It may still be attached.
        """


class SessionPolicyStore(Protocol):
    """The policies below the path of this meter and Region. No other policy is touched."""

    def list_policies(self) -> Sequence[StoredPolicy]:
        """List all of them, as IAM has them now.

        Raises:
            ChangeRefusedError: IAM did not answer.
        """

    def write(self, role: PrincipalTarget, name: str, document: str) -> None:
        """Create a policy or replace its document, and attach it to the role.

        A policy has five versions at most: the oldest one that is not the default is deleted first.
        To repeat it changes nothing.

        Raises:
            ChangeRefusedError: The policy may have its new document, and may not be attached.
        """

    def detach(self, name: str, target: PrincipalTarget) -> bool:
        """Detach a policy from a principal; to repeat it changes nothing.

        Returns:
            False if it was not attached, or if the principal does not exist.

        Raises:
            ChangeRefusedError: It may still be attached.
        """

    def remove(self, name: str) -> None:
        """Detach a policy from whatever it is attached to, and delete it, if it exists.

        Raises:
            ChangeRefusedError: It may still be attached.
        """


class RoleDirectory(Protocol):
    """Facts of roles."""

    def get_role(self, role: PrincipalTarget) -> RoleFacts | None:
        """Get the facts of a role; `None` if it does not exist.

        Raises:
            ChangeRefusedError: IAM did not answer.
        """


class DenyChangedError(Exception):
    """Another run has written or deleted a deny since it was read."""


class DenyReader(Protocol):
    """Reads denies."""

    def list_denies(self) -> Sequence[Deny]:
        """List all denies, with a consistent read. One that cannot be read is left out."""


class DenyStore(DenyReader, Protocol):
    """Stores denies, one for a target."""

    def write(self, deny: Deny, change: AuditedChange | None) -> Deny:
        """Write a deny; one that cannot be read counts as not there.

        Args:
            deny: The deny, with the revision that it was read with; 0 for a new one.
            change: What the audit trail records of it: both are stored, or neither.

        Returns:
            The deny with its new revision.

        Raises:
            DenyChangedError: The stored one has another revision.
        """

    def delete(self, deny: Deny, change: AuditedChange | None) -> None:
        """Delete a deny; one that is not there is deleted, and its release recorded, already.

        Args:
            deny: The deny.
            change: Its release for the audit trail: it is recorded with the deletion, or neither.
                `None` for a deny that was never decided: it has waited for room.

        Raises:
            DenyChangedError: The stored one has another revision.
        """


class BrakeStateStore(Protocol):
    """Stores decisions of people, and measured reaction times."""

    def read_switch(self) -> BrakeSwitch:
        """Read the switch; off if it was never set."""

    def list_releases(self) -> Collection[Release]:
        """List the releases by hand whose periods may not have ended."""

    def read_reactions(self) -> Sequence[timedelta]:
        """Read the last reaction times, at most `MAX_REACTIONS`."""

    def add_reaction(self, deny_id: str, reaction: timedelta) -> None:
        """Add a reaction time, once for a deny, and drop those before the last ones."""


class BrakeDecisionStore(BrakeStateStore, Protocol):
    """Stores decisions of people: what commands write, and the brake only reads."""

    def write_switch(self, switch: BrakeSwitch) -> None:
        """Write the switch. It holds from the next run on.

        Raises:
            ValueError: It does not say who set it and when.
        """

    def add_release(self, release: Release) -> None:
        """Store a release, which replaces one of the same caller, sum and period."""


class BrakeEventStore(Protocol):
    """Stores events until they are sent, and their ids so long that none comes twice."""

    def add_due(self, event: BrakeEvent) -> bool:
        """Store an event as due, unless one with its id was stored before, sent or not.

        Returns:
            True if it is stored now.
        """

    def list_due(self) -> Iterator[BrakeEvent]:
        """List the events that are due, in the order of their times; those that can be read."""

    def claim(self, event_id: str, now: datetime) -> bool:
        """Claim a due event for sending, so that another run at the same time leaves it out.

        A claim ends after ten minutes, in case the run that made it has died.

        Returns:
            False if another run has claimed it, or it was sent meanwhile.
        """

    def release(self, event_id: str) -> None:
        """Give up the claim of an event that was not delivered."""

    def mark_sent(self, event_id: str, sent_at: datetime) -> None:
        """Mark an event sent; to repeat it is safe."""


class EventNotDeliveredError(Exception):
    """A way of delivery has not taken an event. The text says which, and why."""


class BrakeEventPublisher(Protocol):
    """Delivers events to people and programs."""

    def publish(self, notice: Notice, detail: EventDetail) -> None:
        """Deliver an event, as a text and as an event of `BRAKE_EVENT`.

        Raises:
            EventNotDeliveredError: It was not delivered in every way.
        """
