"""Takes off denies that outlast their end: the watchdog of the brake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.brake import ChangeRefusedError, Deny, DenyAttachments, DenyReader, Target

GRACE = timedelta(minutes=5)
"""The time after the end of a deny that the brake has to release it."""


class EndedDeny(NamedTuple):
    """A deny that the watchdog took off.

    Attributes:
        arn: The ARN of the principal.
        until: The end of the deny; `None` if no deny was stored for it.
    """

    arn: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class WatchdogReport:
    """The result of a run.

    Attributes:
        released: The denies that were taken off. If there are any, the brake has failed.
        still_denied: The ARNs of principals that may still be denied, with the reasons.
        read_error: The error of reading the stored denies, if they could not be read.
    """

    released: tuple[EndedDeny, ...] = ()
    still_denied: tuple[tuple[str, str], ...] = ()
    read_error: Exception | None = None


@dataclass(slots=True)
class BrakeWatchdog:
    """Takes off denies of principals that have ended, even where everything else has failed.

    It depends on stored denies and IAM alone, attaches nothing, and writes nothing. If the stored
    denies cannot be read, it goes by what this process last read: a new process knows no ends.
    Denies of single sessions end by themselves.

    Attributes:
        attachments: The attachments of the fixed policy.
        denies: The stored denies.
    """

    attachments: DenyAttachments
    denies: DenyReader
    _last_read: Mapping[Target, Deny] = field(default_factory=dict, init=False)

    def release_ended(self, now: datetime) -> WatchdogReport:
        """Take off what has ended some minutes ago, and what no deny is stored for.

        The brake stores each deny before it attaches it, and deletes it after it took it off. What
        is attached is read before the denies here: so an attachment without a deny is an orphan,
        or is being taken off now. If the denies could not be read, nothing is taken for an orphan.

        Raises:
            ChangeRefusedError: IAM did not list what is attached.
        """
        attached = self.attachments.list_attached()
        read_error = self._read_denies()
        released, still_denied = list[EndedDeny](), list[tuple[str, str]]()
        for target in sorted(attached, key=lambda target: target.arn):
            deny = self._last_read.get(target)
            is_ended = read_error is None if deny is None else deny.until + GRACE <= now
            if not is_ended:
                continue
            try:
                if self.attachments.detach(target):
                    released.append(EndedDeny(target.arn, None if deny is None else deny.until))
            except ChangeRefusedError as error:
                still_denied.append((target.arn, error.obstacle.value))
        return WatchdogReport(tuple(released), tuple(still_denied), read_error)

    def _read_denies(self) -> Exception | None:
        """Read the stored denies, or keep what was read last and return the error."""
        try:
            self._last_read = {deny.target: deny for deny in self.denies.list_denies()}
        except Exception as error:  # noqa: BLE001  # the caller raises it after the releases
            return error
        return None
