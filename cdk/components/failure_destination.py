"""The bucket in which Lambda stores failed events in full, so that they can be redriven."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk.components.acknowledgements import UNKNOWN_NAMES
from cdk.components.meter_function import MeterFunction
from cdk.config.resource_names import FAILURES_PREFIX


class FailureDestination:
    """A bucket that is the failure destination of functions.

    `aws_lambda_destinations.S3Destination` would let the functions read and delete as well.

    Attributes:
        max_event_age: The age of an event at which Lambda gives up on it.
    """

    max_event_age = Duration.hours(6)  # well within the 24 hours that a stream keeps records

    def __init__(self, bucket: s3.IBucket, key: kms.IKey) -> None:
        """Use a bucket that is encrypted with a key."""
        self._bucket = bucket
        self._key = key

    def grant_and_configure(self, function: MeterFunction) -> dict[str, dict[str, str]]:
        """Grant a function's role to write there; return the destination as Lambda configures it.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        objects = self._bucket.arn_for_objects(f"{FAILURES_PREFIX}*")
        function.grant("s3:PutObject", on=objects, wildcard=UNKNOWN_NAMES)
        function.grant("s3:ListBucket", on=self._bucket.bucket_arn)
        function.grant("kms:GenerateDataKey", on=self._key.key_arn)
        return {"onFailure": {"destination": self._bucket.bucket_arn}}
