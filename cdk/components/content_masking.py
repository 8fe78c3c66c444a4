"""The data protection policy that masks secrets in logged prompts and completions."""

from __future__ import annotations

from aws_cdk import aws_logs as logs

from cdk.config.masked_identifiers import MASKED_IDENTIFIERS


def masking_policy() -> logs.DataProtectionPolicy:
    """Make the policy. It sends its findings nowhere: only CloudWatch's free metric counts them."""
    return logs.DataProtectionPolicy(
        name="BedrockMeterMasking",
        description="Masks cards, bank accounts and national numbers in prompts",
        identifiers=[logs.DataIdentifier(name) for name in MASKED_IDENTIFIERS],
    )
