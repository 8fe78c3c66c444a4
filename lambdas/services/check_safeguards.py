"""Checks that alarms, notifications, logs and functions are as they were deployed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS, find_account_policies
from lambdas.domain.safeguards.alarms import compare_alarms, find_muted_alarms
from lambdas.domain.safeguards.deployed import DeployedResource, read_resources
from lambdas.domain.safeguards.functions import compare_functions, function_names
from lambdas.domain.safeguards.ledger import compare_tables, table_names
from lambdas.domain.safeguards.log_policies import (
    compare_log_groups,
    find_log_policies,
    log_group_names,
)
from lambdas.domain.safeguards.masking import find_deployed_masks
from lambdas.domain.safeguards.ports import (
    Alarms,
    DeployedStacks,
    Functions,
    Keys,
    LogSettings,
    NotReadableError,
    Rules,
    SafeguardReport,
    Tables,
    Topics,
)
from lambdas.domain.safeguards.readable import find_drifts
from lambdas.domain.safeguards.starts import (
    compare_mappings,
    compare_rules,
    mapping_ids,
    rule_names,
)
from lambdas.domain.safeguards.topic import (
    compare_key,
    compare_topic,
    find_endpoints,
    find_key,
    find_topic,
)

_Check = Callable[[tuple[DeployedResource, ...], datetime], Iterable[Drift]]


@dataclass(frozen=True, slots=True)
class LiveSafeguards:
    """The sources of the live state."""

    alarms: Alarms
    topics: Topics
    keys: Keys
    logs: LogSettings
    rules: Rules
    functions: Functions
    tables: Tables


@dataclass(frozen=True, slots=True)
class MeteredLogs:
    """The metered log group.

    Attributes:
        log_group: Its name.
        destination_arn: The function that counts.
        known_policies: The policies that the account's owner set, as `known_log_policies` names
            them.
    """

    log_group: str
    destination_arn: str
    known_policies: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class SafeguardChecker:
    """Compares deployed values with live ones, subject by subject.

    A subject that cannot be read counts as drift: not readable is not healthy.
    """

    stacks: DeployedStacks
    live: LiveSafeguards
    metered: MeteredLogs

    def check(self, now: datetime) -> SafeguardReport:
        """Compare everything with what was deployed."""
        try:
            resources = read_resources(self.stacks.read())
        except NotReadableError as error:
            text = f"what was deployed cannot be read: {error.code}"
            return SafeguardReport((Drift(Subject.FUNCTION, text),), frozenset())
        checks: tuple[tuple[Subject, str, _Check], ...] = (
            (Subject.ALARM, "alarms", self._alarms),
            (Subject.ALARM, "mute rules of alarms", self._mute_rules),
            (Subject.TOPIC, "the topic of notifications", self._topic),
            (Subject.KEY, "the key of the topic", self._key),
            (Subject.LOG_POLICY, "policies of logs", self._log_policies),
            *(
                (Subject.LOG_POLICY, f"account policies ({kind})", self._account_policies(kind))
                for kind in ACCOUNT_POLICY_EFFECTS
            ),
            (Subject.LOG_POLICY, "log groups of functions", self._log_groups),
            (Subject.RULE, "rules", self._rules),
            (Subject.FUNCTION, "event source mappings", self._mappings),
            (Subject.FUNCTION, "functions", self._functions),
            (Subject.LEDGER, "the meter's tables", self._tables),
        )
        drifts: list[Drift] = []
        for subject, name, compare in checks:
            drifts += find_drifts(subject, name, partial(compare, resources, now))
        names = frozenset(resource.physical_id for resource in resources)
        return SafeguardReport(tuple(drifts), names)

    def _alarms(self, resources: tuple[DeployedResource, ...], _now: datetime) -> Iterable[Drift]:
        return compare_alarms(resources, self.live.alarms.read())

    def _mute_rules(
        self, resources: tuple[DeployedResource, ...], _now: datetime
    ) -> Iterable[Drift]:
        return find_muted_alarms(resources, self.live.alarms.read_mute_rules())

    def _topic(self, resources: tuple[DeployedResource, ...], now: datetime) -> Iterator[Drift]:
        if (arn := find_topic(resources)) is not None:
            live = self.live.topics.get(arn, find_endpoints(resources))
            yield from compare_topic(resources, live, now)

    def _key(self, resources: tuple[DeployedResource, ...], _now: datetime) -> Iterator[Drift]:
        if (key_id := find_key(resources)) is not None:
            yield from compare_key(resources, self.live.keys.get(key_id))

    def _log_policies(
        self, resources: tuple[DeployedResource, ...], _now: datetime
    ) -> Iterator[Drift]:
        metered = self.metered
        live = self.live.logs.read(metered.log_group)
        if live is not None:
            yield from find_log_policies(
                live,
                log_group=metered.log_group,
                destination_arn=metered.destination_arn,
                known=metered.known_policies,
                deployed_masks=find_deployed_masks(resources, metered.log_group),
            )

    def _account_policies(self, kind: str) -> _Check:
        def compare(resources: tuple[DeployedResource, ...], _now: datetime) -> Iterable[Drift]:
            return find_account_policies(
                self.live.logs.read_account_policies(kind),
                log_groups=[self.metered.log_group, *log_group_names(resources)],
                known=self.metered.known_policies,
            )

        return compare

    def _log_groups(
        self, resources: tuple[DeployedResource, ...], _now: datetime
    ) -> Iterable[Drift]:
        others = [
            resource for resource in resources if resource.physical_id != self.metered.log_group
        ]
        return compare_log_groups(others, self.live.logs.read_groups(log_group_names(others)))

    def _rules(self, resources: tuple[DeployedResource, ...], _now: datetime) -> Iterable[Drift]:
        return compare_rules(resources, self.live.rules.read(rule_names(resources)))

    def _mappings(self, resources: tuple[DeployedResource, ...], _now: datetime) -> Iterable[Drift]:
        live = self.live.functions.read_mappings(mapping_ids(resources))
        return compare_mappings(resources, live)

    def _functions(
        self, resources: tuple[DeployedResource, ...], _now: datetime
    ) -> Iterable[Drift]:
        return compare_functions(resources, self.live.functions.read(function_names(resources)))

    def _tables(self, resources: tuple[DeployedResource, ...], _now: datetime) -> Iterable[Drift]:
        return compare_tables(resources, self.live.tables.read(table_names(resources)))
