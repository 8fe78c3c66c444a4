"""Audits of coverage and of exact counters, and notices after the alarms about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.completeness.metric_reader import MetricReadError
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE, BedrockMetric
from lambdas.domain.metrics.catalog import (
    COVERAGE_SHORTFALL,
    MISSING_CALLS,
    USAGE_MISMATCH,
    HealthMetric,
)
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder
from lambdas.services.read_counted_usage import CountedUsageReader
from lambdas.services.watch_coverage import CoverageWatcher
from tests.simulation.account import COUNTERS, Account
from tests.simulation.checks.settled_hours import read_settled_hours
from tests.simulation.drivers.driver import Driver
from tests.simulation.ports import Port
from tests.simulation.traffic import RETENTION, TRAFFIC
from tests.simulation.world import START

_RETRIES = 100  # more than deployed: no failure bucket keeps these events, and no SDK tries again
_STEP = timedelta(minutes=15)  # a third of the audits, which read the same hours more than once
_AUDITED = TRAFFIC + timedelta(hours=3)
_SCHEDULED, _ALARM = "Scheduled Event", "CloudWatch Alarm State Change"
_ALARMS: Mapping[HealthMetric, str] = {
    COVERAGE_SHORTFALL: "BedrockMeter-Health-Coverage",
    USAGE_MISMATCH: "BedrockMeter-Health-UsageMismatch",
}


class CoverageAuditorDriver(Driver):
    """Audits the hours of the traffic, with exact counters, and explains each alarm."""

    function = "coverage_auditor"
    expected_errors = (MetricReadError, ConnectionError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._alarms = 0
        self._is_alarming = dict.fromkeys(_ALARMS, False)
        self._wrong_verdicts: list[str] = []

    def make(self) -> CoverageWatcher:
        reader: Any = Port(
            self.account.world, self.account.cloudwatch.read, MetricReadError, is_read=True
        )
        counters = DynamoDbCounters(self.dynamodb, COUNTERS, self.account.pause)
        return CoverageWatcher(
            CoverageAuditor(
                reader,
                metered_since=START - timedelta(days=1),
                counters=CountedUsageReader(counters, 60),
            ),
            ForgedSeriesFinder(reader, "QuotaTokens"),
            self.account.topic.port,
        )

    def run(self, event: Any) -> None:
        moment = datetime.fromisoformat(event["time"])
        if event["detail-type"] == _ALARM:
            self.service.explain(event["detail"]["alarmName"], moment)
            return
        health = self._measure(moment)
        self.account.record_health(health)
        for metric, alarm_name in _ALARMS.items():
            if metric in health:
                self._set_alarm(metric, alarm_name, moment, is_alarming=bool(health[metric]))

    def _measure(self, moment: datetime) -> Mapping[HealthMetric, float]:
        """Audit, and compare the verdict on counters with the account before and after."""
        before = read_settled_hours(self.account, moment)
        health: Mapping[HealthMetric, float] = self.service.measure(moment)
        after = read_settled_hours(self.account, moment)
        if USAGE_MISMATCH in health and before == after:
            is_mismatch = bool(health[USAGE_MISMATCH])
            if after.differs and not is_mismatch:
                self._wrong_verdicts.append(
                    f"coverage: at {moment:%d %H:%M} counters differ, and no audit reports it"
                )
            if after.agrees and is_mismatch:
                self._wrong_verdicts.append(f"coverage: at {moment:%d %H:%M} nothing differs")
        return health

    def _set_alarm(
        self, metric: HealthMetric, alarm_name: str, moment: datetime, *, is_alarming: bool
    ) -> None:
        if is_alarming and not self._is_alarming[metric]:
            self._alarms += 1
            detail = {"alarmName": alarm_name}
            event = {"time": moment.isoformat(), "detail-type": _ALARM, "detail": detail}
            self.account.world.after(30, self.invoke, event, _RETRIES)
        self._is_alarming[metric] = is_alarming

    def start(self) -> None:
        for record in self.account.traffic.calls.values():
            if not record.is_failed:
                for metric, value in (
                    (BedrockMetric.INVOCATIONS, 1),
                    (BedrockMetric.INPUT_TOKENS, record.tokens.input or 0),
                    (BedrockMetric.OUTPUT_TOKENS, record.tokens.output or 0),
                ):
                    self.account.cloudwatch.read.add(
                        BEDROCK_NAMESPACE, metric, record.timestamp, value, record.model_id
                    )
        self.every(
            _STEP,
            START + _STEP,
            START + _AUDITED,
            lambda moment: {"time": moment.isoformat(), "detail-type": _SCHEDULED},
            retries=_RETRIES,
        )

    def check(self) -> Iterator[str]:
        sent, repeatable = self.account.topic.count(self.function)
        if not self._alarms <= sent <= self._alarms + repeatable:
            yield f"coverage: {sent} notices of {self._alarms} alarms (repeatable: {repeatable})"
        if self._count_trimmed() and not self.account.health[MISSING_CALLS.name]:
            yield "coverage: calls that the stream did not keep were not reported"
        yield from self._wrong_verdicts[:3]

    def _count_trimmed(self) -> int:
        """The calls of audited hours that metrics never got."""
        changes = [
            read_change(record, RETENTION)
            for record in self.account.sources["metric_publisher"].trimmed
        ]
        return sum(
            isinstance(change, LedgerChange)
            and change.replaced is None
            and not change.record.is_failed
            and START <= change.record.timestamp < START + TRAFFIC
            for change in changes
        )
