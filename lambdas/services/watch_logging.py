"""Notifies once of each drift in invocation logging or the meter, and of its author."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lambdas.domain.alerts import Notice, Notifier
from lambdas.domain.logging_configuration import (
    LEAVES_NO_DRIFT,
    WATCHED,
    DeployedLogging,
    Drift,
    LoggingChange,
    Subject,
    VerifiedState,
    WatchState,
    add_watch_event,
    compare_configuration,
    compare_log_group,
    compare_role,
    compare_state,
    list_drifts,
    watch_notice,
)
from lambdas.domain.logging_configuration.ports import LoggingApi
from lambdas.domain.logging_configuration.watch_ports import (
    ChangeHistory,
    Deployments,
    LogGroups,
    Roles,
    WatchStateStore,
)
from lambdas.domain.safeguards.ports import NotReadableError, SafeguardReport, Safeguards
from lambdas.domain.safeguards.readable import find_drifts

# Further back than one check, for those that failed or came late.
_LOOKED_BACK = timedelta(hours=1)
# Of each action. CloudTrail answers two requests a second, for 50 events each.
_HIDDEN_CHANGES_READ = 1_000
_CAUSES_READ = 50


@dataclass(frozen=True, slots=True)
class LiveLogging:
    """The sources of the logging state.

    Attributes:
        api: Bedrock's configuration.
        groups: Log groups.
        roles: Roles.
    """

    api: LoggingApi
    groups: LogGroups
    roles: Roles


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    Attributes:
        drifts: The drifts from the deployed state.
        notice: The notice about it; `None` where nothing is new.
    """

    drifts: tuple[Drift, ...]
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class LoggingWatcher:
    """Compares logging and the meter with what was deployed, and notifies of each change once.

    Attributes:
        deployed: The deployed logging.
        deploying_role_arn: The role with which deployments configure Bedrock's logging.
        verified_state: The configuration as deployments saved it.
        live: The sources of the present state.
        safeguards: Alarms, notifications, logs and functions of the meter.
        history: The changes, with who made them.
        deployments: The deployments, and the times at which they were under way.
        watch_state: The earlier findings.
        notifier: Publishes notices.
    """

    deployed: DeployedLogging
    deploying_role_arn: str
    verified_state: VerifiedState
    live: LiveLogging
    safeguards: Safeguards
    history: ChangeHistory
    deployments: Deployments
    watch_state: WatchStateStore
    notifier: Notifier

    def check(self, change: LoggingChange | None, now: datetime) -> CheckResult:
        """Check after a change or on schedule.

        A change by others is notified even if it was undone already; any other change is
        notified if it causes new drift or resolves some. While the meter itself is being deployed,
        drift without a change by others is left to the next check. So is drift after a
        deployment's own change: its other stacks may not have begun yet.

        Each notice is published at least once: after an error in between, the next check publishes
        it again. Without its logging state, each check publishes all that it finds.

        Raises:
            WatchStateChangedError: Another check was quicker. Check again.
            NotReadableError: The logging state failed. The notice was published.
        """
        if change is not None and change.is_harmless:
            change = None
        report = self.safeguards.check(now)
        hidden = self.history.search(
            LEAVES_NO_DRIFT, since=now - _LOOKED_BACK, limit=_HIDDEN_CHANGES_READ
        )
        found = (*self._drifts(), *report.drifts)
        state, failure = self._load_state()
        drifts = (*found, *_unreadable(hidden.gaps, failure))
        change = change or self._newest_hidden(hidden.changes, report, state)
        foreign = None if change is None or self._is_by_deployment(change) else change
        is_known = state.is_reported and list_drifts(drifts) == state.drifts
        if is_known and (foreign is None or foreign.event_id in state.events):
            return CheckResult(drifts, None)
        if foreign is None and (change is not None or self._is_deploying()):
            return CheckResult(drifts, None)

        cause = change or self._find_cause(drifts, report, now)
        is_resolved = bool(state.drifts) or cause is None
        unsent = state.after(drifts, cause, now)
        notice = replace(
            add_watch_event(watch_notice(drifts, cause, is_resolved=is_resolved), unsent),
            is_repeated=unsent == state,
        )
        failure = failure or self._save_state(unsent, state)
        self.notifier.publish(notice)
        if failure is not None:
            raise failure
        self.watch_state.save(replace(unsent, is_reported=True), before=unsent)
        return CheckResult(drifts, notice)

    def _load_state(self) -> tuple[WatchState, NotReadableError | None]:
        try:
            return self.watch_state.load(), None
        except NotReadableError as error:
            return WatchState(), error

    def _save_state(self, state: WatchState, before: WatchState) -> NotReadableError | None:
        try:
            self.watch_state.save(state, before=before)
        except NotReadableError as error:
            return error
        return None

    def _drifts(self) -> Iterator[Drift]:
        deployed, live = self.deployed, self.live
        yield from find_drifts(
            Subject.CONFIGURATION,
            "Bedrock's logging configuration",
            lambda: compare_configuration(deployed, live.api.get()),
        )
        yield from find_drifts(
            Subject.LOG_GROUP,
            f"log group {deployed.log_group}",
            lambda: compare_log_group(deployed, live.groups.get(deployed.log_group)),
        )
        if (role := deployed.role) is not None:
            yield from find_drifts(
                Subject.ROLE,
                f"logging role {role.name}",
                lambda: compare_role(role, live.roles.get(role.name)),
            )
        yield from find_drifts(
            Subject.LOGGING_STATE,
            "the saved state of Bedrock's logging configuration",
            lambda: compare_state(deployed, self.verified_state),
        )

    def _is_deploying(self) -> bool:
        """Return true if a deployment is under way; one that cannot be read counts as none."""
        try:
            return self.deployments.is_under_way()
        except NotReadableError:
            return False

    def _is_by_deployment(self, change: LoggingChange) -> bool:
        """Return true if a deployment of ours did it; one that cannot be read counts as none.

        A trail may report a change after the deployment has ended. Stacks of others may make a
        change at any time. The deploying role works during deployments alone: at any other time
        someone else uses it.
        """
        is_ours = change.via_cloudformation or change.role_arn == self.deploying_role_arn
        try:
            return is_ours and self.deployments.was_under_way(change.at)
        except NotReadableError:
            return False

    def _newest_hidden(
        self, found: Iterable[LoggingChange], report: SafeguardReport, state: WatchState
    ) -> LoggingChange | None:
        """The newest change by someone else that no comparison can show, and is not known yet."""
        changes = (
            change
            for change in sorted(found, key=lambda change: change.at, reverse=True)
            if change.event_id not in state.events
            and not change.is_harmless
            and _names_any(change, report.names)
            and not self._is_by_deployment(change)
        )
        return next(changes, None)

    def _find_cause(
        self, drifts: Sequence[Drift], report: SafeguardReport, now: datetime
    ) -> LoggingChange | None:
        """The newest change that may have made a drift."""
        role = self.deployed.role
        ours = {self.deployed.log_group, self.deployed.logging_state_parameter, role and role.name}
        actions = {action for drift in drifts for action in WATCHED[drift.subject].actions}
        found = self.history.search(sorted(actions), since=now - _LOOKED_BACK, limit=_CAUSES_READ)
        fitting = [
            change
            for change in found.changes
            if (
                not change.targets
                or not ours.isdisjoint(change.targets)
                or _names_any(change, report.names)
            )
            and not self._is_by_deployment(change)
        ]
        return max(fitting, key=lambda change: change.at, default=None)


def _unreadable(gaps: Iterable[str], failure: NotReadableError | None) -> Iterator[Drift]:
    """Yield what the check itself cannot see."""
    for gap in gaps:
        text = f"CloudTrail's event history cannot be read to its end: {gap}"
        yield Drift(Subject.FUNCTION, text)
    if failure is not None:
        text = f"what was notified before cannot be read from the state table: {failure.code}"
        yield Drift(Subject.FUNCTION, text)


def _names_any(change: LoggingChange, names: Iterable[str]) -> bool:
    """True if a change names one of the meter's resources, by name or within an ARN."""
    return any(name in target for name in names for target in change.targets)
