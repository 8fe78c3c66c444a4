"""Takes off denies that outlast their end: the watchdog of the brake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.brake import ChangeRefusedError, Deny, DenyAttachments, DenyReader

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
    """

    released: tuple[EndedDeny, ...] = ()
    still_denied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BrakeWatchdog:
    """Takes off denies of principals that have ended, even where everything else has failed.

    It depends on stored denies and IAM alone, attaches nothing, and writes nothing. Denies of
    single sessions end by themselves.

    Attributes:
        attachments: The attachments of the fixed policy.
        denies: The stored denies.
    """

    attachments: DenyAttachments
    denies: DenyReader

    def release_ended(self, now: datetime) -> WatchdogReport:
        """Take off what has ended some minutes ago, and what no deny is stored for.

        The brake stores each deny before it attaches it, and deletes it after it took it off. What
        is attached is read before the denies here: so an attachment without a deny is an orphan,
        or is being taken off now.

        Raises:
            ChangeRefusedError: IAM did not list what is attached.
        """
        attached = self.attachments.list_attached()
        denies = {deny.target: deny for deny in self.denies.list_denies()}
        released, still_denied = list[EndedDeny](), list[tuple[str, str]]()
        for target in sorted(attached, key=lambda target: target.arn):
            deny = denies.get(target)
            if not _has_ended(deny, now):
                continue
            try:
                if self.attachments.detach(target):
                    released.append(EndedDeny(target.arn, None if deny is None else deny.until))
            except ChangeRefusedError as error:
                still_denied.append((target.arn, error.obstacle.value))
        return WatchdogReport(tuple(released), tuple(still_denied))


def _has_ended(deny: Deny | None, now: datetime) -> bool:
    return deny is None or deny.until + GRACE <= now
