"""The role with which operators redrive failed events: `make redrive`."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.acknowledgements import UNKNOWN_NAMES, acknowledge_wildcard
from cdk.config.resource_names import FAILURES_PREFIX


class RedriveRole(iam.Role):
    """The only role that reads the failure bucket, which holds whole deliveries.

    Anyone with the right to assume roles in the account can assume it; CloudTrail records it. The
    meter's own functions cannot: no role of a deployment may assume another one
    (cdk/operations/boundary_policy.py).
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, failures: s3.Bucket, key: kms.IKey
    ) -> None:
        """Make the role, and deny the bucket's objects to everyone else."""
        super().__init__(
            scope,
            construct_id,
            description="Bedrock Meter: retries events that functions failed on (make redrive)",
            assumed_by=iam.AccountRootPrincipal(),
        )
        objects = failures.arn_for_objects(f"{FAILURES_PREFIX}*")
        for actions, resource in (
            (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], objects),
            (["s3:ListBucket"], failures.bucket_arn),
            (["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn),
        ):
            self.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        acknowledge_wildcard(self, resource=objects, reason=UNKNOWN_NAMES)
        # The ARN of a session's principal is that of its role:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
        failures.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyRedriveReads",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[failures.arn_for_objects("*")],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": self.role_arn}},
            )
        )
