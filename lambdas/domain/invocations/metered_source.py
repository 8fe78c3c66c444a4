"""The log group, account and Region whose records a deployment takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lambdas.domain.invocations.decoding import JsonObject
from lambdas.domain.invocations.usage_record import Reading, RejectionReason, UsageRecord

BEDROCK_LOG_STREAM = "aws/bedrock/modelinvocations"
"""The log stream that Bedrock writes to, in every log group.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""


@dataclass(frozen=True, slots=True)
class MeteredSource:
    """The place where Bedrock writes the invocation logs of one deployment.

    This finds mistakes and careless forgeries, and authenticates nothing: anyone who may write to
    the log group or invoke the function can write these names too (`docs/security.md`).

    Attributes:
        log_group: The log group that is metered.
        account_id: The account of the deployment.
        region: Its Region.
    """

    log_group: str
    account_id: str
    region: str

    def check(self, envelope: JsonObject, readings: Iterable[Reading]) -> list[Reading]:
        """Reject the records of a delivery that come from elsewhere; the rest stays as it is.

        A record without an account or a Region is taken as one of this account or Region, so that
        it cannot count as another call.

        Args:
            envelope: The delivery, which names its log group and log stream.
            readings: The readings of its messages.
        """
        source = envelope.get("logGroup"), envelope.get("logStream")
        if source != (self.log_group, BEDROCK_LOG_STREAM):
            return [
                RejectionReason.WRONG_SOURCE if isinstance(reading, UsageRecord) else reading
                for reading in readings
            ]
        return [
            self._check_record(reading) if isinstance(reading, UsageRecord) else reading
            for reading in readings
        ]

    def _check_record(self, record: UsageRecord) -> UsageRecord | RejectionReason:
        if (record.account_id, record.region) == (self.account_id, self.region):
            return record
        if record.account_id not in ("", self.account_id):
            return RejectionReason.WRONG_ACCOUNT
        if record.region not in ("", self.region):
            return RejectionReason.WRONG_REGION
        return record._replace(account_id=self.account_id, region=self.region)
