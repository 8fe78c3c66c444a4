"""Tells when invocation logging is no longer as it was deployed: once, with who and what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lambdas.domain.logging_configuration import (
    WATCHED,
    DeployedLogging,
    Difference,
    LoggingChange,
    VerifiedMemory,
    compare_configuration,
    compare_log_group,
    compare_memory,
    compare_role,
    watch_notice,
)
from lambdas.domain.logging_configuration.ports import LoggingApi
from lambdas.domain.logging_configuration.watch_ports import (
    ChangeHistory,
    Deployments,
    LogGroups,
    Roles,
    WatchMemory,
)
from lambdas.domain.notifications import Notice, Notifier

# Further back than one check, for those that failed or came late.
_LOOKED_BACK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LiveLogging:
    """Where to look at what there is.

    Attributes:
        api: Bedrock's configuration.
        groups: Log groups.
        roles: Roles.
    """

    api: LoggingApi
    groups: LogGroups
    roles: Roles


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found.

    Attributes:
        differences: What is not as it was deployed.
        notice: What was told of it; `None` where nothing is new.
    """

    differences: tuple[Difference, ...]
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class WatchLogging:
    """Checks, remembers and tells.

    Attributes:
        deployed: What was deployed.
        deploying_role_arn: The role with which deployments configure Bedrock's logging.
        put: The memory that deployments have of that configuration.
        live: Where to look at what there is.
        history: Who may have changed it.
        deployments: When one is under way.
        memory: What was found before.
        notifier: Who is told.
    """

    deployed: DeployedLogging
    deploying_role_arn: str
    put: VerifiedMemory
    live: LiveLogging
    history: ChangeHistory
    deployments: Deployments
    memory: WatchMemory
    notifier: Notifier

    def __call__(self, change: LoggingChange | None, now: datetime) -> Finding:
        """Check, because of a change or because it is time.

        What somebody else did is told even if it is undone already; anything else, where it makes
        a difference that was not told before, or undoes one. While the meter itself is being
        deployed, differences that only deployments have made are left to the next check. So are
        all that a deployment's own change shows: its other stacks may not have begun yet.

        It is told at least once: after an error in between, the next check tells it again.

        Raises:
            WatchStateChangedError: Another check was quicker. Check again.
        """
        differences = tuple(self._differences())
        state = self.memory.recall()
        foreign = None if change is None or self._is_by_deployment(change) else change
        is_known = state.is_told and tuple(it.text for it in differences) == state.differences
        if is_known and (foreign is None or foreign.event_id in state.events):
            return Finding(differences, None)
        if foreign is None and (change is not None or self.deployments.is_under_way()):
            return Finding(differences, None)

        cause = change or self._find_cause(differences, now)
        is_mended = bool(state.differences) or cause is None
        notice = watch_notice(differences, cause, is_mended=is_mended)
        untold = state.after(differences, cause)
        self.memory.remember(untold, before=state)
        self.notifier.publish(notice)
        self.memory.remember(replace(untold, is_told=True), before=untold)
        return Finding(differences, notice)

    def _differences(self) -> Iterator[Difference]:
        yield from compare_configuration(self.deployed, self.live.api.get())
        yield from compare_log_group(self.deployed, self.live.groups.find(self.deployed.log_group))
        if (role := self.deployed.role) is not None:
            yield from compare_role(role, self.live.roles.find(role.name))
        yield from compare_memory(self.deployed, self.put)

    def _is_by_deployment(self, change: LoggingChange) -> bool:
        """Return whether a deployment of ours did it.

        A change may be told of after the deployment has ended. Stacks of others change what they
        will at any other time, as anybody does. The deploying role works during deployments alone:
        at any other time someone else uses it.
        """
        is_ours = change.via_cloudformation or change.role_arn == self.deploying_role_arn
        return is_ours and self.deployments.was_under_way(change.at)

    def _find_cause(self, differences: Sequence[Difference], now: datetime) -> LoggingChange | None:
        """The newest change that may have made a difference."""
        role = self.deployed.role
        ours = {self.deployed.log_group, self.deployed.memory_parameter, role and role.name}
        actions = {action for it in differences for action in WATCHED[it.subject].actions}
        found = self.history.find(sorted(actions), since=now - _LOOKED_BACK)
        fitting = [
            change
            for change in found
            if (not change.targets or not ours.isdisjoint(change.targets))
            and not self._is_by_deployment(change)
        ]
        return max(fitting, key=lambda change: change.at, default=None)
