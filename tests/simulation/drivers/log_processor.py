"""Deliveries of CloudWatch Logs."""

from __future__ import annotations

from functools import partial
from typing import Any

from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger, LedgerUnavailableError
from lambdas.adapters.s3.quarantine import S3Quarantine
from lambdas.domain.attribution.label_names import LabelNames
from lambdas.domain.invocations import MeteredSource
from lambdas.services.ingest_invocations import DeliveryIngestor
from tests.simulation.account import LEDGER
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.later_ledger import LaterUsageLedger
from tests.simulation.faults import Fault
from tests.simulation.traffic import GATEWAY_ROLE, RETENTION

SOURCE = MeteredSource("/bedrock-meter/invocations", "111122223333", "us-east-1")
_LATER_SHARE = 0.5


class LogProcessorDriver(Driver):
    """Delivers the calls of the run."""

    function = "log_processor"
    expected_errors = (LedgerUnavailableError, TableUnavailableError)

    def make(self) -> DeliveryIngestor:
        is_later = self.account.world.strikes(Fault.TWO_VERSIONS, _LATER_SHARE)
        ledger = LaterUsageLedger if is_later else DynamoDbUsageLedger
        return DeliveryIngestor(
            source=SOURCE,
            ledger=ledger(
                self.dynamodb, LEDGER, RETENTION, self.account.pause, caller_role=GATEWAY_ROLE
            ),
            retention=RETENTION,
            open_quarantine=partial(S3Quarantine, lambda: self.account.s3, "quarantine"),
            metadata_names=LabelNames().metadata_names,
        )

    def run(self, event: Any) -> None:
        report = self.service.ingest(event["awslogs"]["data"], self.account.now)
        self.account.record_health(report.health)

    def start(self) -> None:
        traffic, functions = self.account.traffic, self.account.functions
        for package in (*traffic.packages, *traffic.replays):
            event = {"awslogs": {"data": package.data}}
            self.account.world.at(package.at, functions.send, self.function, event)
