"""The sizes that IAM allows policies, and the longest names of Regions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json

import botocore.session

MAX_MANAGED_POLICY = 6_144
MAX_INLINE_POLICIES = 10_240
"""The letters of all inline policies of a role together."""
_SESSION = botocore.session.get_session()
LONG_REGIONS = [
    max(_SESSION.get_available_regions("ec2", partition), key=len)
    for partition in ("aws", "aws-cn", "aws-us-gov")
]
"""The longest name of a Region in each partition, such as ap-northeast-1 and us-gov-east-1."""


def count_letters(document: object) -> int:
    """Count the letters of a policy as IAM does, which leaves out white space.

    JSON without white space is the upper bound: names and patterns have none.
    """
    return len(json.dumps(document, separators=(",", ":")))
