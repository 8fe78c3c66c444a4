"""Patterns of roles' ARNs, for policies of resources that are deployed before the roles."""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws

from lambdas.meter_name import METER_NAME

STACK_NAME_LETTERS: Final = 20
"""The first letters of a stack's name, which CloudFormation does not cut off names of roles."""


def match_role(construct_id: str) -> str:
    """Match the role of one function by parts of its name.

    CloudFormation makes the name of the stack and the construct, and cuts it. Whoever may make
    roles of such a name is trusted (docs/threat-model.md).
    """
    roles = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role"
    return f"{roles}/{METER_NAME[:STACK_NAME_LETTERS]}*{construct_id}*"
