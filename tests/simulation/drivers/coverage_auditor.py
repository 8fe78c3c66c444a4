"""Audits of coverage, and notices after the alarm about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.completeness.metric_reader import MetricReadError
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.catalog import COVERAGE_SHORTFALL, MISSING_CALLS
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder
from lambdas.services.watch_coverage import CoverageWatcher
from tests.simulation.account import Account
from tests.simulation.drivers.driver import Driver
from tests.simulation.ports import Port
from tests.simulation.traffic import RETENTION, TRAFFIC
from tests.simulation.world import START

_RETRIES = 20  # more than deployed: no failure bucket keeps these events
_STEP = timedelta(minutes=15)  # a third of the audits, which read the same hours more than once
_AUDITED = TRAFFIC + timedelta(hours=3)
_SCHEDULED, _ALARM = "Scheduled Event", "CloudWatch Alarm State Change"


class CoverageAuditorDriver(Driver):
    """Audits the hours of the traffic, and explains each alarm."""

    function = "coverage_auditor"
    expected_errors = (MetricReadError, ConnectionError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._alarms = 0
        self._is_alarming = False
        self._audited: list[datetime] = []

    def make(self) -> CoverageWatcher:
        reader: Any = Port(
            self.account.world, self.account.cloudwatch.read, MetricReadError, is_read=True
        )
        return CoverageWatcher(
            CoverageAuditor(reader, metered_since=START - timedelta(days=1)),
            ForgedSeriesFinder(reader, "QuotaTokens"),
            self.account.topic.port,
        )

    def run(self, event: Any) -> None:
        moment = datetime.fromisoformat(event["time"])
        if event["detail-type"] == _ALARM:
            self.service.explain(event["detail"]["alarmName"], moment)
            return
        health = self.service.measure(moment)
        self.account.record_health(health)
        self._audited.append(moment)
        is_short = bool(health[COVERAGE_SHORTFALL])
        if is_short and not self._is_alarming:
            self._alarms += 1
            alarm = {"alarmName": "BedrockMeter-Health-Coverage"}
            event = {"time": moment.isoformat(), "detail-type": _ALARM, "detail": alarm}
            self.account.world.after(30, self.invoke, event, _RETRIES)
        self._is_alarming = is_short

    def start(self) -> None:
        for record in self.account.traffic.calls.values():
            if not record.is_failed:
                self.account.cloudwatch.read.add(
                    "AWS/Bedrock", "Invocations", record.timestamp, 1, record.model_id
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
