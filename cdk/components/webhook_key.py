"""The key of webhooks, which encrypts the addresses and secrets of receivers and nothing else."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk.components.role_patterns import match_role
from cdk.components.storage_key import grant_management
from cdk.config.resource_names import WEBHOOK_SENDER
from lambdas.meter_name import METER_NAME


class WebhookKey(kms.Key):
    """A key with which operators encrypt, and one function decrypts.

    A denial of a key's policy holds against each policy of the principal, so that the right to use
    all keys of an account is not enough. Whoever may change the key's policy is trusted.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Make the key. It stays when its stack is deleted, as the stored receivers do."""
        super().__init__(
            scope,
            construct_id,
            description=f"{METER_NAME}: encrypts addresses and secrets of webhooks",
            enable_key_rotation=True,
            pending_window=Duration.days(7),
            removal_policy=RemovalPolicy.RETAIN,
        )
        grant_management(self)
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OneReader",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                # A grant would let its receiver decrypt, and so would another key.
                actions=["kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom"],
                resources=["*"],
                conditions={"ArnNotLike": {"aws:PrincipalArn": match_role(WEBHOOK_SENDER)}},
            )
        )
