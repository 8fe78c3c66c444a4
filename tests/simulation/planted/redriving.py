"""Bugs in how failed events are sent again."""

from __future__ import annotations

import json

from cdk.operations.redrive import Redrive
from tests.simulation.planted.plant import Plant


class _DropsExhausted(Redrive):
    dropped = ("RetriesExhausted", "RetryAttemptsExhausted")

    def _put_back(self, key: str) -> None:
        stored = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        if json.loads(stored)["requestContext"]["condition"] in self.dropped:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        else:
            super()._put_back(key)


class _DropsOld(_DropsExhausted):
    dropped = ("RecordAgeExceeded", "EventAgeExceeded")


class DropsExhaustedEvents(Plant):
    """Events that were tried often enough are deleted instead of redriven."""

    redrive = _DropsExhausted


class DropsOldEvents(Plant):
    """Events that were too old for Lambda are deleted instead of redriven."""

    redrive = _DropsOld
